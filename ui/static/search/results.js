/* The page's script: the busy state, answers and what can be done with them, light and dark.
   Components bring it along, with player.js, strips.js, minimap.js and address.js, and call into `clasp` from their
   js_on_load. */
"use strict";

window.clasp ??= {};

(() => {
  const panel = () => document.querySelector("#results");
  const busy = () => panel().setAttribute("aria-busy", "true");

  // ---- answers ----------------------------------------------------------------------------------------------

  function results(element, props, watch, trigger) {
    let answers = 0;
    let jump = false; // to the answer, which another one replaces
    const ask = (event, data) => {
      busy();
      trigger(event, data);
    };

    const opening = parameters(clasp.address.question());
    if (opening.has("q") || opening.has("like")) busy();
    if (opening.has("library")) document.querySelector("#found").dataset.map = "none"; // only the first has one

    window.addEventListener("unhandledrejection", (event) => {
      if (!/microphone/i.test(event.reason?.message ?? event.reason)) return;
      event.preventDefault(); // the recorder says it to nobody else
      props.value = `<p class="notice" role="alert">No microphone can be used: allow it in the browser's settings
        for this page, plug one in, or upload a recording.</p>`;
    });
    window.addEventListener("popstate", () => ask("open", { address: clasp.address.question() }));

    element.addEventListener("change", ({ target }) => {
      if (target.matches("[data-sort]")) ask("sort", { time: target.value === "time" });
    });
    element.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (!button) return;
      const { like, drop, export: kind } = button.dataset;
      if (like !== undefined) {
        jump = true;
        ask("like", { segment: Number(like) });
      } else if (drop !== undefined) ask("drop", { name: drop });
      else if (kind !== undefined) save(button.closest(".menu"), () => trigger("export", { kind }));
      else if (button.matches("[data-copy]")) copy(button);
      else if (button.matches("[data-toggle]")) unfold(button);
    });

    watch("value", () => {
      clasp.announce(); // the new cards know what plays
      if (panel().querySelector(".working")) return busy();
      const root = panel().querySelector("[data-number]");
      const sort = panel().querySelector("select[data-sort]");
      if (sort) sort.value = root.dataset.order;
      for (const button of panel().querySelectorAll("[data-toggle]")) button.setAttribute("aria-expanded", false);
      clasp.strips.show();
      remember(root);
      if (jump) panel().querySelector("h2")?.focus({ preventScroll: true });
      if (jump && panel().getBoundingClientRect().top < 0) panel().scrollIntoView();
      jump = false;
      panel().setAttribute("aria-busy", "false");
      panel().dataset.answers = ++answers;
    });
  }

  function unfold(button) {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", open);
    document.getElementById(button.getAttribute("aria-controls")).hidden = !open;
  }

  /* Menus close when something else is pressed. */
  const close = (menu) => menu?.removeAttribute("open");
  document.addEventListener("click", ({ target }) => {
    for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(target)) close(menu);
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector(".menu[open]");
    if (!menu) return;
    close(menu);
    menu.querySelector("summary").focus();
  });

  function save(menu, start) {
    close(menu);
    menu.querySelector("summary").focus();
    start();
  }

  function download(file) {
    const link = Object.assign(document.createElement("a"), { href: file.url, download: file.orig_name });
    document.body.append(link);
    link.click();
    link.remove();
  }

  // ---- addresses --------------------------------------------------------------------------------------------

  const parameters = (text) => new URLSearchParams(text);
  const same = (one, other, names) => names.every((name) => parameters(one).get(name) === parameters(other).get(name));

  /* Put an answer's address into the address bar: a new question is a new place to go back to. */
  function remember({ dataset }) {
    const [next, last] = [dataset.address, clasp.address.question()];
    if (next === undefined || (next === last && history.state)) return;
    const anew = !same(next, last, ["q", "like", "library"]);
    clasp.address.ask(next, { secret: dataset.private !== undefined, anew });
  }

  async function copy(button) {
    try {
      await navigator.clipboard.writeText(location.href);
    } catch {
      const field = Object.assign(document.createElement("textarea"), { value: location.href });
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      button.focus();
    }
    const label = button.querySelector("span");
    label.textContent = "Copied";
    button.setAttribute("aria-label", "Link copied");
    setTimeout(() => {
      label.textContent = "Copy link";
      button.removeAttribute("aria-label");
    }, 1500);
  }

  // ---- more filters -----------------------------------------------------------------------------------------

  function more() {
    const ask = document.querySelector("#ask");
    ask.toggleAttribute("data-more");
    document.querySelector("#more").setAttribute("aria-expanded", ask.hasAttribute("data-more"));
  }

  // ---- tabs ------------------------------------------------------------------------------------------------

  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.('#tabs [role="tab"]');
    if (!tab || event.ctrlKey || event.metaKey || event.altKey) return;
    const tabs = [...tab.parentElement.querySelectorAll('[role="tab"]')];
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -tabs.indexOf(tab), End: -1 - tabs.indexOf(tab) }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = tabs.at((tabs.indexOf(tab) + step) % tabs.length);
    next.focus();
    next.click();
  });

  // ---- light and dark ---------------------------------------------------------------------------------------

  function theme() {
    const chosen = localStorage.getItem("clasp-theme");
    if (chosen && !new URL(location).searchParams.has("__theme")) dress(chosen === "dark");
    document.addEventListener("click", (event) => {
      if (!event.target.closest?.("[data-theme-toggle]")) return;
      const dark = !document.body.classList.contains("dark");
      localStorage.setItem("clasp-theme", dark ? "dark" : "light");
      dress(dark);
    });
  }

  function dress(dark) {
    document.body.classList.toggle("dark", dark);
  }

  Object.assign(clasp, { busy, results, download, more, theme });
})();
