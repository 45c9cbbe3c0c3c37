// Returns what a reader with a screen reader, or with weak eyes, would stumble over.
() => {
  const problems = [];
  const name = (one) => one.tagName + (one.id ? "#" + one.id : "") + "." + one.className + " " + one.textContent.trim().slice(0, 40);
  const isShown = (one) => one.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && one.getClientRects().length > 0;
  const labelOf = (one) => {
    const by = (one.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id)?.textContent || "").join(" ");
    const labels = [...(one.labels || [])].map((label) => label.textContent).join(" ");
    return (one.getAttribute("aria-label") || by || labels || one.textContent).trim();
  };
  for (const one of document.querySelectorAll("a, button, input, select, summary, dialog, nav, aside, [role=img], [role=region], [tabindex='0']")) {
    if (one.closest(".js-plotly-plot") && !one.matches("[role=img]")) continue;
    if (one.closest("dialog:not([open])")) continue;
    if (!labelOf(one)) problems.push("no name: " + name(one));
  }
  for (const one of document.querySelectorAll("img, svg")) {
    if (one.closest(".js-plotly-plot, #js-plotly-tester")) continue;
    const label = one.getAttribute("alt") || one.getAttribute("aria-label");
    if (!label && one.getAttribute("aria-hidden") !== "true") problems.push("no text for: " + name(one));
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id).filter((id) => !id.includes("-layer"));
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) problems.push("twice: " + id);
  for (const one of document.querySelectorAll("[aria-labelledby]")) {
    for (const id of one.getAttribute("aria-labelledby").split(" ")) if (!document.getElementById(id)) problems.push("no such label: " + id);
  }
  for (const one of document.querySelectorAll("th")) if (!one.scope) problems.push("no scope: " + name(one));
  const levels = [...document.querySelectorAll("main h1, main h2, main h3")].map((one) => Number(one.tagName[1]));
  levels.forEach((level, i) => { if (i && level > levels[i - 1] + 1) problems.push("a heading level is left out"); });
  if (!document.documentElement.lang) problems.push("no language");

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((value, i) => (i === 3 ? value / 255 : value));
  };
  const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a)];
  const luminance = (colour) => {
    const [r, g, b] = colour.map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (one) => {
    const layers = [];
    for (let at = one; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, colour) => over(colour, below), [255, 255, 255]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !isShown(one) || one.closest("script, style, .hidden, .skip")) continue;
    texts += 1;
    const style = getComputedStyle(one);
    const colour = one.closest("svg") && one.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const below = backgroundOf(one);
    const [high, low] = [luminance(over(rgba(colour), below)), luminance(below)].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) problems.push("contrast " + contrast.toFixed(2) + ": " + name(one));
  }
  if (texts < 50) problems.push("only " + texts + " texts were looked at");
  return problems;
}
