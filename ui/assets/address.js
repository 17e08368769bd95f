/* The address bar: which tab is open, what Search asks (see ui/links.py), and how the open tab is set.

   A tab keeps what it likes there with `keep` and finds it with `get` when the page is loaded again; while another tab
   is open, it is that one's that is shown. What others have put there stays. */
"use strict";

window.clasp ??= {};

clasp.address = (() => {
  const FIRST = "search"; // the tab that need not be said
  const ASKED = new Set("q like library category language speaker recording from to meaning sort".split(" "));

  const parameters = () => new URLSearchParams(location.search);
  const only = (wanted) => new URLSearchParams([...parameters()].filter(([name]) => wanted(name)));

  const others = only((name) => name !== "tab" && !ASKED.has(name));
  const kept = {}; // by tab: names and values, of which "" takes away what Search has put there
  let tab = parameters().get("tab") || FIRST;

  /* What Search asks: more than the bar shows where that must not tell. */
  function question() {
    const asked = only((name) => ASKED.has(name));
    return history.state?.address ?? (asked.size ? `?${asked}` : "");
  }

  /* How the bar looks while a question stands and a tab is open. */
  function shown(asked, secret) {
    const all = new URLSearchParams(secret ? "" : asked);
    for (const [name, value] of others) all.set(name, value);
    const settings = tab === FIRST ? {} : { ...kept[tab], tab };
    for (const [name, value] of Object.entries(settings)) value ? all.set(name, value) : all.delete(name);
    return location.pathname + (all.size ? `?${all}` : "") + location.hash;
  }

  const state = (asked, secret) => ({ address: asked, secret });
  const write = (asked, secret) => history.replaceState(state(asked, secret), "", shown(asked, secret));

  /* How a tab keeps a parameter, the open one if none is named, or else how it stands in the bar; "" for nothing. */
  const get = (name, of = tab) => kept[of]?.[name] ?? parameters().get(name) ?? "";

  /* All that a tab keeps, or else what stands in the bar, as the page's server takes it: "?library=talks". */
  const of = (name) => {
    const all = parameters();
    for (const [key, value] of Object.entries(kept[name] ?? {})) value ? all.set(key, value) : all.delete(key);
    return `?${all}`;
  };

  /* Keep how a tab is set, the open one if none is named; "" removes. */
  function keep(values, of = tab) {
    for (const name of Object.keys(values)) others.delete(name);
    kept[of] = { ...kept[of], ...values };
    if (of === tab && tab !== FIRST) write(question(), history.state?.secret);
  }

  /* Search asks something else: a new place to go back to, or the same one. */
  function ask(asked, { secret = false, anew = false }) {
    history[anew ? "pushState" : "replaceState"](state(asked, secret), "", shown(asked, secret));
  }

  const button = (name) => document.querySelector(`#tabs [role="tab"][data-tab-id="${CSS.escape(name)}"]`);
  const open = (name) => button(name)?.click();

  /* Open the tab that the address names, as soon as there are tabs, and follow from then on which one is open. */
  function follow(tries = 50) {
    const tabs = document.querySelector("#tabs");
    if (!button(FIRST)) return setTimeout(follow, 50);
    const now = () => tabs.querySelector('[role="tab"][aria-selected="true"]')?.dataset.tabId;
    if (tab !== FIRST && now() === FIRST && tries) {
      open(tab);
      return setTimeout(() => follow(tries - 1), 100);
    }
    delete document.documentElement.dataset.opening; // see theme.py
    const turned = () => {
      const [asked, opened] = [question(), now()];
      if (!opened || opened === tab) return;
      tab = opened;
      write(asked, history.state?.secret);
    };
    turned(); // somebody may have been faster
    new MutationObserver(turned).observe(tabs, { subtree: true, attributeFilter: ["aria-selected"] });
  }

  window.addEventListener("popstate", () => open(parameters().get("tab") || FIRST));
  document.addEventListener("click", (event) => {
    const name = event.target.closest?.("a[data-tab]")?.dataset.tab;
    if (!name || !button(name) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(name);
  });

  return { get, of, keep, ask, open, question, follow };
})();
