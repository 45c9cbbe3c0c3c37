// The difference view: two texts side by side. Text enters the page as text only.
"use strict";
const element = (name, properties = {}, ...children) => {
  const made = document.createElement(name);
  const { dataset, ...rest } = properties;
  Object.assign(made, rest);
  Object.assign(made.dataset, dataset);
  made.append(...children);
  return made;
};
const idElement = (text) => element("bdi", { className: "id", textContent: text });

const showDifference = (() => {
  const dialog = document.getElementById("difference");
  const fold = document.getElementById("fold");
  const sides = ["left", "right"].map((side) => ({
    title: document.getElementById(side + "-id"),
    text: document.getElementById(side + "-text"),
  }));
  const [SHARED, EDGE, MOVED, ONLY] = [0, 1, 2, 3];
  const FOLDED = 240;
  let shown = null;
  let place = -1;

  const piece = (flag, text, name) => {
    if (flag === ONLY || flag === MOVED) {
      const mark = element("mark", { className: flag === ONLY ? "only" : "moved" });
      mark.append(element(name, { textContent: text }));
      return mark;
    }
    if (flag === EDGE) return element("span", { className: "edge", textContent: text });
    if (!fold.checked || text.length <= FOLDED) return document.createTextNode(text);
    const [head, tail] = [text.slice(0, 100), text.slice(-100)];
    const note = " … " + (text.length - 200).toLocaleString("en") + " equal characters … ";
    return element("span", {}, head, element("span", { className: "fold", textContent: note }), tail);
  };
  const fill = () => {
    place = -1;
    shown.sides.forEach(({ id, text, spans }, number) => {
      const { title, text: box } = sides[number];
      title.replaceChildren(shown.names[number] + ": ", idElement(id));
      const parts = [];
      let at = 0;
      for (let i = 0; i < spans.length; i += 2) {
        const stop = at + spans[i + 1];
        parts.push(piece(spans[i], text.slice(at, stop), number ? "ins" : "del"));
        at = stop;
      }
      box.replaceChildren(...parts);
      box.scrollTop = 0;
    });
  };
  const step = (by) => {
    const found = sides.map(({ text }) => [...text.querySelectorAll("mark.only")]);
    const count = found.map((some) => some.length);
    const marks = found.flat();
    if (!marks.length) return;
    marks[place]?.classList.remove("here");
    place = (place + by + marks.length + (place < 0 && by < 0 ? 1 : 0)) % marks.length;
    marks[place].classList.add("here");
    marks[place].scrollIntoView({ block: "center" });
    const [box, other] = place < count[0] ? [sides[0].text, sides[1].text] : [sides[1].text, sides[0].text];
    const share = box.scrollTop / Math.max(1, box.scrollHeight - box.clientHeight);
    other.scrollTop = share * (other.scrollHeight - other.clientHeight);
  };
  fold.addEventListener("change", fill);
  document.getElementById("previous").addEventListener("click", () => step(-1));
  document.getElementById("next").addEventListener("click", () => step(1));
  document.getElementById("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n") step(1);
    if (event.key === "p") step(-1);
  });
  // sides: [{id, text, spans: [flag, length, ...]}, ...]; names of the sides; a sentence.
  return (given, names, verdict) => {
    shown = { sides: given, names };
    document.getElementById("verdict").textContent = verdict;
    fill();
    dialog.showModal();
  };
})();
