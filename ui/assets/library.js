/* The library tab: the table's headings, pages and ticks, and the hour at which a visitor's uploads are deleted. */
"use strict";

window.clasp ??= {};

clasp.library = (() => {
  /* `turn` is told of another order or page, `choose` of what is ticked, on whatever page of the table. */
  function table(element, watch, turn, choose) {
    const boxes = () => [...element.querySelectorAll("tbody input[type=checkbox]")];
    const all = () => element.querySelector("[data-all]");
    const kept = () => JSON.parse(element.querySelector("table")?.dataset.chosen ?? "[]");
    let chosen = new Set(kept());
    let held = ""; // what had the focus when the table changed

    function ticked() {
      if (!all()) return;
      const count = boxes().filter((box) => box.checked).length;
      all().checked = count > 0 && count === boxes().length;
      all().indeterminate = count > 0 && count < boxes().length;
    }

    element.addEventListener("change", ({ target }) => {
      const changed = target.matches("[data-all]") ? boxes() : [target];
      for (const box of changed) {
        box.checked = target.checked;
        target.checked ? chosen.add(box.value) : chosen.delete(box.value);
      }
      ticked();
      choose({ ids: [...chosen] });
    });
    element.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-sort], [data-page], [data-edit]");
      if (!button) return;
      const { sort, page, edit } = button.dataset;
      held = sort ? `[data-sort="${sort}"]` : edit ? `[data-edit="${edit}"]` : `.pages button:not([disabled])`;
      if (edit) choose({ ids: [edit], edit: true });
      else turn(sort ? { sort } : { page: Number(page) });
    });
    watch("value", () => {
      chosen = new Set(kept());
      ticked();
      if (held && !element.contains(document.activeElement) && document.activeElement === document.body)
        element.querySelector(held)?.focus({ preventScroll: !held.startsWith(".pages") });
      held = "";
    });
  }

  /* The hour by the visitor's own clock. */
  function facts(element, watch) {
    function hour() {
      const time = element.querySelector("time[data-left]");
      if (!time) return;
      const when = new Date(Date.now() + 1000 * Number(time.dataset.left));
      time.textContent = `at ${when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
    }
    hour();
    watch("value", hour);
  }

  return { table, facts };
})();
