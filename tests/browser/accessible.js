// What a page must be for everybody, measured as it stands: returns a list of sentences, one for each fault.
// Contrast by the colours really painted, targets of 44 px, names, headings, the focus ring, no sideways scroll.
(ask) => {
  const faults = [];
  const seen = new Set();
  const tell = (what, element, more = "") => {
    const where = element ? `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className} ` : "";
    const words = (element?.innerText || element?.value || "").trim().replace(/\s+/g, " ").slice(0, 30);
    const line = `${what}: ${where}"${words}" ${more}`.trim();
    if (!seen.has(line)) { seen.add(line); faults.push(line); }
  };
  const shown = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })
    && !element.closest(".vh") && element.getClientRects().length > 0;

  // --- colours
  const parse = (text) => {
    const parts = (text.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
    return { r: parts[0], g: parts[1], b: parts[2], a: parts.length > 3 ? parts[3] : 1 };
  };
  const over = (top, under) => ({
    r: top.r * top.a + under.r * (1 - top.a),
    g: top.g * top.a + under.g * (1 - top.a),
    b: top.b * top.a + under.b * (1 - top.a),
    a: 1,
  });
  const ground = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (style.backgroundImage !== "none") return null;  // a drawing: no single colour to judge
      const colour = parse(style.backgroundColor);
      if (colour.a > 0) layers.push(colour);
      if (colour.a === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
  };
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((v) => { const c = v / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ratio = (text, back) => {
    const [a, b] = [light(over(text, back)), light(back)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const judge = (element, style, what) => {
    const back = ground(element);
    if (!back) return;
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 600);
    const found = ratio(parse(style.color), back);
    if (found < (large ? 3 : 4.5) - 0.005) tell(what, element, `${found.toFixed(2)}:1`);
    if (size < 10.9) tell("type under 11 px", element, `${size}px`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const judged = new Set();
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || judged.has(holder) || holder.closest("script, style, template")) continue;
    judged.add(holder);
    if (shown(holder)) judge(holder, getComputedStyle(holder), "contrast");
  }
  for (const field of document.querySelectorAll("input, textarea")) {
    if (!shown(field)) continue;
    judge(field, getComputedStyle(field), "contrast of what is typed");
    if (field.placeholder) judge(field, getComputedStyle(field, "::placeholder"), "contrast of a placeholder");
  }

  // --- targets: a label carries its control; a chip may reach beyond what is drawn
  const TAPPED = "a[href], button, summary, input:not([type=hidden]), textarea, select, [tabindex='0']";
  const controls = [...document.querySelectorAll(TAPPED)].filter(shown);
  for (const one of controls) {
    const label = one.matches("input[type=radio], input[type=checkbox]") && one.closest("label");
    const box = (label || one).getBoundingClientRect();
    const reach = getComputedStyle(one, "::after");
    const beyond = (side) => reach.content !== "none" && reach.position === "absolute" ? Math.max(0, -parseFloat(reach[side]) || 0) : 0;
    let width = box.width + beyond("left") + beyond("right");
    let height = box.height + beyond("top") + beyond("bottom");
    // a chip that opens a fold: the fold's whole head is tapped
    const head = one.closest("summary");
    if (head) { const all = head.getBoundingClientRect(); width = Math.max(width, all.width); height = Math.max(height, all.height); }
    if (width < 43.5 || height < 43.5) tell("target under 44 px", one, `${width.toFixed(0)}×${height.toFixed(0)}`);
  }

  // --- names
  const named = (one) => {
    if (one.getAttribute("aria-label") || one.title) return true;
    const by = one.getAttribute("aria-labelledby");
    if (by && by.split(/\s+/).every((id) => document.getElementById(id)?.textContent.trim())) return true;
    if (one.matches("input, textarea, select")) return [...(one.labels || [])].some((label) => label.textContent.trim());
    return Boolean(one.textContent.trim()) || [...one.querySelectorAll("img[alt], [aria-label]")].some((part) => part.alt || part.getAttribute("aria-label"));
  };
  for (const one of controls) if (!named(one)) tell("no name", one, one.outerHTML.slice(0, 90));
  for (const one of document.querySelectorAll("img:not([alt])")) tell("picture without alt", one);
  for (const one of document.querySelectorAll("[role=img]")) if (!one.getAttribute("aria-label")) tell("drawing without words", one);
  for (const one of document.querySelectorAll("[aria-hidden=true]")) if (one.matches(TAPPED) || one.querySelector(TAPPED)) tell("hidden from ears, not from the keyboard", one);
  for (const one of document.querySelectorAll("[tabindex]")) if (Number(one.getAttribute("tabindex")) > 0) tell("own tab order", one);
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) faults.push(`id twice: ${id}`);

  // --- shape
  if (!document.documentElement.lang.toLowerCase().startsWith("zh")) faults.push("lang is not zh");
  if (!document.title.trim()) faults.push("no title");
  if (!document.querySelector("main")) faults.push("no main");
  const heads = [...document.querySelectorAll("h1, h2, h3, h4")].filter((one) => one.checkVisibility());
  if (heads.filter((one) => one.tagName === "H1").length !== 1) faults.push(`${heads.filter((one) => one.tagName === "H1").length} h1`);
  heads.reduce((before, one) => {
    const level = Number(one.tagName[1]);
    if (level > before + 1) tell("a level of headings left out", one);
    return level;
  }, 0);
  const scale = document.querySelector("meta[name=viewport]")?.content || "";
  if (/user-scalable\s*=\s*no|maximum-scale/.test(scale)) faults.push("the page may not be enlarged");
  const wide = document.documentElement.scrollWidth - window.innerWidth;
  if (wide > 0) {
    const widest = [...document.querySelectorAll("main *, .foot *, .tabs *")].filter((one) => shown(one) && one.getBoundingClientRect().right > window.innerWidth + 1).pop();
    tell(`${wide} px sideways`, widest || document.body);
  }
  // words that do not fit into what holds them, other than a line that may end in …
  for (const one of document.querySelectorAll(".btn, .chip, .tap, .quiet, .tabs a, .fact, dd")) {
    const after = getComputedStyle(one, "::after");  // a chip's reach beyond what is drawn is no word
    const beyond = after.position === "absolute" ? Math.max(0, -parseFloat(after.bottom) || 0) : 0;
    if (shown(one) && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 3 + beyond)) tell("words out of their box", one, `${one.scrollWidth}×${one.scrollHeight} in ${one.clientWidth}×${one.clientHeight}`);
  }
  const bar = document.querySelector(".tabs, .foot");
  const main = document.querySelector("main");
  if (bar && main && getComputedStyle(bar).position === "fixed" && parseFloat(getComputedStyle(main).paddingBottom) < bar.offsetHeight) faults.push("the bar hides the end of the page");

  // --- the ring, as the keyboard shows it
  if (ask.ring) {
    for (const one of controls.filter((control) => !control.closest("details:not([open]) > :not(summary)"))) {
      one.focus({ preventScroll: true });
      if (document.activeElement !== one) continue;
      const rings = [one, one.closest("label")].filter(Boolean).map((held) => getComputedStyle(held));
      if (!rings.some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1.5)) tell("no focus ring", one);
    }
    document.activeElement?.blur();
  }
  return faults;
}
