// @ts-check
/* Elements of the page. */

/**
 * The first element in another one that a selector finds, or null.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind what it is
 * @returns {T | null}
 */
export function find(root, selector, kind = /** @type {any} */ (HTMLElement)) {
  const found = root.querySelector(selector);
  return found instanceof kind ? found : null;
}

/**
 * The same for what must be there.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind what it is
 * @returns {T}
 */
export function part(root, selector, kind = /** @type {any} */ (HTMLElement)) {
  const found = find(root, selector, kind);
  if (!found) throw new Error(`There is no ${selector} on the page.`);
  return found;
}

/**
 * All elements in another one that a selector finds.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind what they are
 * @returns {T[]}
 */
export function parts(root, selector, kind = /** @type {any} */ (HTMLElement)) {
  return [...root.querySelectorAll(selector)].flatMap((one) => (one instanceof kind ? one : []));
}

/**
 * What an event came to, or the nearest element around it, that a selector finds.
 * @template {Element} [T=HTMLElement]
 * @param {EventTarget | null} target
 * @param {string} selector
 * @param {new () => T} kind what it is
 * @returns {T | null}
 */
export function closest(target, selector, kind = /** @type {any} */ (HTMLElement)) {
  const found = target instanceof Element ? target.closest(selector) : null;
  return found instanceof kind ? found : null;
}

/**
 * A new element with properties and content.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<Omit<HTMLElementTagNameMap[K], "style" | "dataset">>} properties
 * @param {(Node | string)[]} content
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, ...content) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...content);
  return made;
}

/**
 * A dot of a colour.
 * @param {string} css
 */
export function dot(css) {
  const made = make("i");
  made.style.background = css;
  return made;
}

/**
 * A copy of what a template element holds.
 * @param {ParentNode} root
 * @param {string} selector of the template
 * @returns {HTMLElement}
 */
export function copy(root, selector) {
  const first = part(root, selector, HTMLTemplateElement).content.firstElementChild;
  return /** @type {HTMLElement} */ (/** @type {Element} */ (first).cloneNode(true));
}

/**
 * The value of one of the page's colours, such as "--accent".
 * @param {string} name
 */
export const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
