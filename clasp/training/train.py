"""Train the bundled model, stage by stage; every stage resumes where it was interrupted.

python -m clasp corpus                 # speech with the time of every phone
python -m clasp train text             # the multilingual text encoder, from an English teacher
python -m clasp train recogniser       # the speech backbone
python -m clasp train hearing          # what it hears in the corpus, and how it errs
python -m clasp train sound            # the phone encoder
python -m clasp train words            # from phones to meaning, on text alone
python -m clasp train meaning          # joined by audio and spectrogram
python -m clasp train release          # all of it as one model folder
python -m clasp calibrate              # what a similarity is worth
"""

import argparse
import importlib

STAGES = {
    "text": "distil",
    "recogniser": "recogniser",
    "hearing": "hearing",
    "sound": "sound",
    "words": "words",
    "meaning": "meaning",
    "release": "release",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    stages = parser.add_subparsers(metavar="STAGE", required=True)
    for name, module_name in STAGES.items():
        module = importlib.import_module(f".{module_name}", __package__)
        stage = stages.add_parser(name, description=module.__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
        module.add_arguments(stage)
        stage.set_defaults(stage=module.run)


def run(args: argparse.Namespace) -> int:
    return args.stage(args)
