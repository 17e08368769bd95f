/* The library tab: the table's headings, pages and ticks, and the hour at which a visitor's uploads are deleted. */
"use strict";

window.clasp ??= {};

clasp.library = (() => {
  let asking = false; // to edit

  /* `turn` is told of another order or page, `choose` of what is ticked, on whatever page of the table. */
  function table(element, watch, turn, choose) {
    const boxes = () => [...element.querySelectorAll("tbody input[type=checkbox]")];
    const all = () => element.querySelector("[data-all]");
    const chosen = new Set(); // on all pages of the table
    let held = ""; // what had the focus when the table changed

    function tick() {
      if (!all()) return;
      for (const box of boxes()) box.checked = chosen.has(box.value);
      const count = boxes().filter((box) => box.checked).length;
      all().checked = count > 0 && count === boxes().length;
      all().indeterminate = count > 0 && count < boxes().length;
    }

    element.addEventListener("change", ({ target }) => {
      const changed = target.matches("[data-all]") ? boxes() : [target];
      for (const box of changed) target.checked ? chosen.add(box.value) : chosen.delete(box.value);
      tick();
      choose({ ids: [...chosen] });
    });
    element.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-sort], [data-page], [data-edit]");
      if (!button) return;
      const { sort, page, edit } = button.dataset;
      held = sort ? `[data-sort="${sort}"]` : edit ? `[data-edit="${edit}"]` : `.pages button:not([disabled])`;
      if (edit) {
        asking = true;
        chosen.clear();
        chosen.add(edit);
        tick();
        choose({ ids: [edit], edit: true });
      }
      else turn(sort ? { sort } : { page: Number(page) });
    });
    watch("value", () => {
      if (element.querySelector("[data-cleared]")) chosen.clear();
      tick();
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

  /* Those who have asked for the form, or are asked whether to remove, find themselves in it. */
  function focus() {
    const active = document.activeElement;
    if (!asking && !active?.matches("#library-edit, #library-ask")) return;
    asking = false;
    const shown = [...document.querySelectorAll("#library-form input, #library-keep")];
    requestAnimationFrame(() => shown.find((one) => one.offsetParent)?.focus());
  }

  return { table, facts, focus };
})();
