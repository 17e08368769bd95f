"""Train: one stage by its name, or all stages of a configuration, one after the other.

    python -m clasp train --config clasp/training/configs/bundled.toml    # reproduce the bundled model
    python -m clasp train adapt --csv my-recordings.csv --out my-model    # adapt it to your speakers
    python -m clasp train published --data SpeechBrown                    # the published architecture

The stages of the bundled model, each of which goes on where it was interrupted:

    python -m clasp corpus                 # speech with the time of every phone
    python -m clasp train text             # the sentence encoder, with a smaller vocabulary
    python -m clasp train features         # features of the corpus by the frozen backbone
    python -m clasp train recognizer       # from there to phones
    python -m clasp train decode           # the phones of the corpus, and how they are confused
    python -m clasp train sound            # the phone encoder
    python -m clasp train ngrams           # from phones to meaning, on text alone
    python -m clasp train meaning          # the same, on recognized phones
    python -m clasp train release          # all of it as one model folder
    python -m clasp train gate             # how far a transcript is believed
    python -m clasp train speaker          # who speaks
    python -m clasp calibrate              # what a similarity is worth
"""

import argparse
from pathlib import Path

from clasp.training import configuration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m clasp train`."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="the stages to run, with their options, as TOML")
    stages = parser.add_subparsers(metavar="STAGE", parser_class=configuration.StageParser)
    for name in configuration.STAGES:
        stages.add_parser(name, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.set_defaults(parser=parser)


def run(args: argparse.Namespace) -> int:
    """Run the stage or the configuration. Returns the exit code of the last stage."""
    stage = getattr(args, "stage", None)
    if (stage is None) == (args.config is None):
        args.parser.error("give either --config FILE or one of the stages " + ", ".join(configuration.STAGES))
    return stage(args) if stage is not None else configuration.run_stages(args.config)
