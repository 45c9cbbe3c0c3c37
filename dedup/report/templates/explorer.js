// Search, filter and order of the clusters; the members of one; and what opens a difference.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { documents, clusters, texts, differences, pairs } = data;
  const [query, match, order] = ["query", "match", "order"].map((id) => document.getElementById(id));
  const list = document.getElementById("clusters");
  const detail = document.getElementById("cluster");
  const more = document.getElementById("more");
  const STEP = 60;
  let found = [];
  let listed = 0;

  const count = (number) => number.toLocaleString("en");
  const plural = (number, word) => count(number) + " " + word + (number === 1 ? "" : "s");
  const similarity = (value) => (value === null ? "–" : value.toFixed(3));
  const measured = (value) => (value === null ? "" : data.measure + " " + similarity(value) + " · ");
  const haystacks = [];
  const haystack = (row) => {
    const text = documents.text[row] < 0 ? "" : texts[documents.text[row]];
    haystacks[row] ??= (documents.id[row] + "\n" + data.hosts[documents.host[row]] + "\n" + text).toLowerCase();
    return haystacks[row];
  };

  const orders = {
    size: (a, b) => b.size - a.size || a.id - b.id,
    least: (a, b) => (a.least ?? 2) - (b.least ?? 2) || a.id - b.id,
    position: (a, b) => a.id - b.id,
  };
  const search = () => {
    const words = query.value.trim().toLowerCase();
    found = clusters.filter(({ rows }) => {
      const kinds = match.value ? rows.slice(1).filter((row) => data.matches[documents.match[row]] === match.value) : rows;
      return kinds.length && (!words || rows.some((row) => haystack(row).includes(words)));
    }).sort(orders[order.value]);
    document.getElementById("found").textContent =
      plural(found.length, "cluster") + (found.length < clusters.length ? " of " + count(clusters.length) + " match" : " in this file");
    list.replaceChildren();
    listed = 0;
    showMore();
  };
  const showMore = () => {
    for (const cluster of found.slice(listed, listed + STEP)) {
      const button = element("button", { type: "button", dataset: { cluster: cluster.id } },
        element("span", { className: "size", textContent: count(cluster.size) }),
        idElement(documents.id[cluster.rows[0]]),
        element("span", { className: "least", textContent: similarity(cluster.least) }));
      button.setAttribute("aria-label", "Cluster of " + count(cluster.size) + " documents, least similarity " +
        similarity(cluster.least) + ", keeper " + documents.id[cluster.rows[0]]);
      list.append(element("li", {}, button));
    }
    listed = Math.min(found.length, listed + STEP);
    more.hidden = listed >= found.length;
  };

  const names = (...rows) => rows.map((row) => (documents.gone[row] ? "Removed" : "Kept"));
  const compare = (keeper, row) => {
    const number = documents.difference[row];
    const whole = (one) => ({ id: documents.id[one], text: texts[documents.text[one]], spans: [0, texts[documents.text[one]].length] });
    if (number < 0) {
      showDifference([whole(keeper), whole(row)], names(keeper, row), "Equal, byte for byte.");
      return;
    }
    const { left, right, leftSpans, rightSpans, verdict } = differences[number];
    showDifference([{ id: documents.id[keeper], text: texts[left], spans: leftSpans },
      { id: documents.id[row], text: texts[right], spans: rightSpans }], names(keeper, row), measured(documents.similarity[row]) + verdict);
  };
  const canCompare = (keeper, row) => documents.difference[row] >= 0 ||
    (data.matches[documents.match[row]] === "identical" && documents.text[keeper] >= 0 && documents.text[row] >= 0);

  const memberRow = (keeper, row) => {
    const isKeeper = row === keeper;
    const button = element("button", { type: "button", textContent: "Compare" });
    button.setAttribute("aria-label", "Compare " + documents.id[row] + " with the first one");
    button.addEventListener("click", () => compare(keeper, row));
    const where = [data.hosts[documents.host[row]], data.sources[documents.source[row]]].filter(Boolean).join(" · ");
    return element("tr", {},
      element("th", { scope: "row" }, documents.gone[row] ? "" : element("span", { className: "kept-tag", textContent: "Kept: " }),
        idElement(documents.id[row]), element("bdi", { className: "where", textContent: where })),
      element("td", { className: "number", textContent: isKeeper ? "" : similarity(documents.similarity[row]) }),
      element("td", { textContent: isKeeper ? "" : data.matches[documents.match[row]] }),
      element("td", {}, isKeeper ? "" : canCompare(keeper, row) ? button : ""));
  };
  const choose = (id, moves) => {
    const cluster = clusters.find((one) => one.id === id);
    if (!cluster) return;
    for (const button of list.querySelectorAll("button")) {
      button.setAttribute("aria-current", String(Number(button.dataset.cluster) === id));
    }
    const head = ["Document", "Similarity", "Match"].map((name, i) =>
      element("th", { scope: "col", className: i === 1 ? "number" : "", textContent: name }));
    const last = element("th", { scope: "col" }, element("span", { className: "hidden", textContent: "Difference" }));
    detail.replaceChildren(
      element("h3", { textContent: "A cluster of " + plural(cluster.size, "document") }),
      element("table", {}, element("thead", {}, element("tr", {}, ...head, last)),
        element("tbody", {}, ...cluster.rows.map((row) => memberRow(cluster.rows[0], row)))));
    const rest = cluster.size - cluster.rows.length;
    if (rest > 0) detail.append(element("p", { className: "caption", textContent: "and " + plural(rest, "document") + " more, in clusters.parquet." }));
    if (!moves) return;
    detail.focus({ preventScroll: true });
    detail.scrollIntoView({ block: "nearest" });
  };

  list.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) choose(Number(button.dataset.cluster), event.detail === 0 || innerWidth < 736);
  });
  list.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    const buttons = [...list.querySelectorAll("button")];
    buttons[buttons.indexOf(document.activeElement) + by]?.focus();
    event.preventDefault();
  });
  let waiting = 0;
  query.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, 120); });
  for (const select of [match, order]) select.addEventListener("change", search);
  document.getElementById("search").addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", showMore);

  for (const button of document.querySelectorAll("button[data-cluster].link")) {
    button.addEventListener("click", () => {
      query.value = match.value = "";
      search();
      choose(Number(button.dataset.cluster), true);
      document.getElementById("explorer").scrollIntoView();
    });
  }
  for (const button of document.querySelectorAll("button[data-pair]")) {
    button.addEventListener("click", () => {
      const { ids, difference, similarity } = pairs[Number(button.dataset.pair)];
      const { left, right, leftSpans, rightSpans, verdict } = differences[difference];
      showDifference([{ id: ids[0], text: texts[left], spans: leftSpans }, { id: ids[1], text: texts[right], spans: rightSpans }],
        ["Left", "Right"], measured(similarity) + verdict);
    });
  }
  document.getElementById("copy").addEventListener("click", async (event) => {
    const command = document.getElementById("command");
    const button = event.currentTarget;
    try {
      await navigator.clipboard.writeText(command.textContent.trim());
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(command);
      button.textContent = "Press Ctrl+C";
    }
  });
  search();
  if (found.length) choose(found[0].id, false);
  document.documentElement.dataset.explorer = "ready";
})();
