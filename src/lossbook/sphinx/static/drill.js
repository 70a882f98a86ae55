// The drill: takes the questions out of the list on the page, one at a time, and puts them back.
(() => {
  "use strict";

  const KEY = "lossbook-drill"; // grades, in the form of the exported file
  const CHOICES = "lossbook-drill-choices"; // what is ticked in the form
  const VERSION = 1;
  const AGAIN = 1;
  const LATER = 3; // an answer graded "again" comes back after so many other questions
  const HELD_DAYS = 21; // a question counts as held when its interval is at least so long
  const NAMES = ["", "Again", "Hard", "Good", "Easy"];

  // Intervals of whole days: whoever drills once a day meets no step of ten minutes.
  const scheduler = FSRS.fsrs({ learning_steps: [], relearning_steps: [] });

  // The state of a question, as ts-fsrs holds it; dates are in ISO 8601, so that their order is that of the strings.

  const isDate = (v) =>
    typeof v === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(v) && !Number.isNaN(Date.parse(v));
  const isCount = (v) => Number.isInteger(v) && v >= 0;
  const FIELDS = {
    due: [isDate, "a date such as 2026-01-31T12:00:00.000Z"],
    last_review: [isDate, "a date such as 2026-01-31T12:00:00.000Z"],
    stability: [(v) => Number.isFinite(v) && v > 0, "a number above 0"],
    difficulty: [(v) => Number.isFinite(v) && v >= 1 && v <= 10, "a number from 1 to 10"],
    elapsed_days: [isCount, "a whole number, 0 or more"],
    scheduled_days: [isCount, "a whole number, 0 or more"],
    learning_steps: [isCount, "a whole number, 0 or more"],
    reps: [isCount, "a whole number, 0 or more"],
    lapses: [isCount, "a whole number, 0 or more"],
    state: [(v) => [0, 1, 2, 3].includes(v), "0, 1, 2 or 3"],
  };
  // A state of ts-fsrs, or one that was read, with these fields alone and in this order.
  const plain = (card) => {
    const written = JSON.parse(JSON.stringify(card));
    return Object.fromEntries(Object.keys(FIELDS).map((name) => [name, written[name]]));
  };
  const isObject = (v) => typeof v === "object" && v !== null && !Array.isArray(v);
  const shown = (v) => (v === undefined ? "nothing" : JSON.stringify(v).slice(0, 40));

  // Grades out of a text: all of them, or an error that says what is wrong with it.
  const parse = (text) => {
    let data;
    try {
      data = JSON.parse(text);
    } catch (error) {
      throw new Error(`expected JSON: ${error.message}`);
    }
    if (!isObject(data) || data.format !== KEY) throw new Error(`expected the format "${KEY}", found ${shown(data?.format)}`);
    if (data.version !== VERSION) throw new Error(`expected version ${VERSION}, found ${shown(data.version)}`);
    if (!isObject(data.cards)) throw new Error(`expected grades by question under "cards", found ${shown(data.cards)}`);
    const cards = new Map();
    for (const [id, card] of Object.entries(data.cards)) {
      if (!isObject(card)) throw new Error(`expected the state of "${id}", found ${shown(card)}`);
      for (const [name, [holds, expected]] of Object.entries(FIELDS)) {
        if (!holds(card[name])) throw new Error(`expected ${name} of "${id}" to be ${expected}, found ${shown(card[name])}`);
      }
      cards.set(id, plain(card));
    }
    return cards;
  };

  const write = (cards) => {
    const sorted = [...cards].sort(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify({ format: KEY, version: VERSION, cards: Object.fromEntries(sorted) }, null, 1);
  };

  // For each question the later grade wins. Returns how many were taken over.
  const merge = (cards, others) => {
    let taken = 0;
    for (const [id, card] of others) {
      if (cards.has(id) && cards.get(id).last_review >= card.last_review) continue;
      cards.set(id, card);
      taken += 1;
    }
    return taken;
  };

  // Numbers in [0, 1), the same for the same seed (mulberry32); without a seed, any.
  const random = (seed) => {
    if (seed === null) return Math.random;
    let a = [...seed].reduce((hash, c) => (Math.imul(hash, 31) + c.codePointAt(0)) | 0, 0);
    return () => {
      a = (a + 0x6d2b79f5) | 0;
      let t = Math.imul(a ^ (a >>> 15), 1 | a);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  };

  const shuffle = (list, next) => {
    for (let i = list.length - 1; i > 0; i -= 1) {
      const j = Math.floor(next() * (i + 1));
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  };

  const count = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;
  const interval = (days) => {
    if (days < 45) return count(days, "day");
    if (days < 365) return count(Math.round(days / 30.4), "month");
    return count(Number((days / 365).toFixed(1)), "year");
  };

  const start = (drill) => {
    const find = (selector) => drill.querySelector(selector);
    const [app, setup, card, all] = ["app", "setup", "card", "all"].map((name) => find(`.lb-drill-${name}`));
    const [question, answer, grades, typed] = [".lb-drill-question", ".lb-drill-answer", ".lb-drill-grades", "textarea"].map(find);
    const [reveal, hint, clock, ended] = [".lb-drill-reveal", ".lb-drill-hint", "[role=timer]", ".lb-drill-ended"].map(find);
    const [progress, said, trouble] = [".lb-drill-bar [role=status]", ".lb-drill-keep [role=status]", ".lb-drill-trouble"].map(find);
    const next = random(new URLSearchParams(location.search).get("seed"));

    const questions = [...drill.querySelectorAll(".lb-drilled")].map((details) => ({
      id: details.dataset.id,
      part: details.closest("section").dataset.part,
      level: details.querySelector(".lb-level").textContent,
      asked: details.querySelector(".lb-asked"),
      answer: details.querySelector(".lb-answer"),
      putBack() {
        details.querySelector("summary").prepend(this.asked);
        details.querySelector(":scope > div").append(this.answer);
      },
    }));

    // Grades. Those of questions that are no longer in the book stay: an older edition, or a newer one, may have them.

    const cards = new Map();
    let damaged = false; // what is stored cannot be read, and must not be written over

    const read = () => {
      const text = localStorage.getItem(KEY);
      return text === null ? new Map() : parse(text);
    };

    const refused = (error) => {
      trouble.textContent =
        `This browser does not keep your grades (${error.message}). ` +
        "You can go on; they last until this page is closed. Export them to keep them.";
    };

    const load = () => {
      try {
        merge(cards, read());
        damaged = false;
        trouble.textContent = "";
      } catch (error) {
        if (error instanceof DOMException) return refused(error);
        damaged = true;
        trouble.textContent =
          `The grades stored in this browser cannot be read: ${error.message}. They stay as they are, and new ` +
          "grades last until this page is closed, unless you press “Forget all grades”.";
      }
    };

    const save = () => {
      if (damaged) return;
      try {
        merge(cards, read()); // another tab may have graded since
        localStorage.setItem(KEY, write(cards));
        trouble.textContent = "";
      } catch (error) {
        refused(error);
      }
    };

    // The form

    const ticked = (name) => new Set([...setup.querySelectorAll(`[name=${name}]:checked`)].map((box) => box.value));
    const chosen = () => {
      const [parts, levels] = [ticked("part"), ticked("level")];
      return questions.filter((q) => parts.has(q.part) && levels.has(q.level));
    };
    const isDue = (q) => cards.has(q.id) && new Date(cards.get(q.id).due) < new Date().setHours(24, 0, 0, 0); // today
    const isHeld = (q) => cards.has(q.id) && cards.get(q.id).scheduled_days >= HELD_DAYS;

    const refresh = () => {
      for (const row of setup.querySelectorAll("tr[data-part]")) {
        const here = questions.filter((q) => q.part === row.dataset.part);
        const [seen, due, held] = [(q) => cards.has(q.id), isDue, isHeld].map((is) => here.filter(is).length);
        row.querySelector(".lb-drill-seen").textContent = `${seen} of ${here.length}`;
        row.querySelector(".lb-drill-due").textContent = due;
        row.querySelector(".lb-drill-held").textContent = held;
        const [bar, inner] = row.querySelectorAll(".lb-drill-track span");
        bar.style.width = `${(100 * seen) / here.length}%`;
        inner.style.width = `${(100 * held) / here.length}%`;
      }
      const now = chosen();
      find(".lb-drill-forecast").textContent = now.length
        ? `${count(now.length, "question")}: ${now.filter(isDue).length} due, ${now.filter((q) => !cards.has(q.id)).length} new`
        : "Choose a part and a level.";
      setup.querySelector("[type=submit]").disabled = !now.length;
    };

    const boxes = [...drill.querySelectorAll("[name=part], [name=level], [name=timer]")];
    const size = setup.querySelector("[name=size]");
    const timing = (on) => {
      for (const box of drill.querySelectorAll("[name=timer]")) box.checked = on;
      clock.hidden = !on;
    };

    // What the form remembers is a convenience: where it cannot be read or written, the form is as it comes.
    const remember = () => {
      const off = boxes.filter((box) => !box.checked).map((box) => `${box.name}:${box.value}`);
      try {
        localStorage.setItem(CHOICES, JSON.stringify({ off, size: size.value }));
      } catch {} // save() tells the reader
    };
    const recall = () => {
      try {
        const { off, size: last } = JSON.parse(localStorage.getItem(CHOICES));
        for (const box of boxes) box.checked = !off.includes(`${box.name}:${box.value}`);
        size.value = last;
        if (!size.checkValidity()) size.value = 10;
      } catch {}
      timing(find("[name=timer]").checked);
    };

    // A session

    let queue = []; // the first is on the table
    let session = null; // null between sessions
    let answered = false;
    let since = 0;

    const tick = () => {
      if (!session || answered) return;
      const seconds = Math.floor((performance.now() - since) / 1000);
      clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    };

    // Due questions first, the longest overdue in front; then new ones; then those that would be due soonest.
    const draw = () => {
      const known = chosen().filter((q) => cards.has(q.id));
      known.sort((a, b) => (cards.get(a.id).due < cards.get(b.id).due ? -1 : 1));
      const fresh = shuffle(chosen().filter((q) => !cards.has(q.id)), next);
      return [...known.filter(isDue), ...fresh, ...known.filter((q) => !isDue(q))].slice(0, Number(size.value));
    };

    const show = (before = "") => {
      const now = queue[0];
      answered = false;
      question.replaceChildren(now.asked);
      answer.replaceChildren(now.answer);
      answer.hidden = grades.hidden = true;
      hint.hidden = false;
      typed.value = "";
      const back = session.again.has(now) ? ", once more" : "";
      progress.textContent = `${before}Question ${Math.min(session.done + 1, session.size)} of ${session.size}${back} · ${now.part} · ${now.level}`;
      since = performance.now();
      tick();
      card.scrollIntoView();
      question.focus({ preventScroll: true });
    };

    const uncover = () => {
      if (answered) return;
      tick();
      answered = true;
      const state = cards.get(queue[0].id) ?? FSRS.createEmptyCard();
      const after = scheduler.repeat(state, new Date());
      for (const button of grades.children) {
        const grade = Number(button.dataset.grade);
        button.querySelector("small").textContent = grade === AGAIN ? "this session" : interval(after[grade].card.scheduled_days);
      }
      answer.hidden = grades.hidden = false;
      hint.hidden = true;
      answer.dispatchEvent(new Event("toggle")); // explore.js then lets the keyboard reach equations that scroll
      answer.focus();
    };

    const grade = (given) => {
      if (!answered) return;
      const now = queue.shift();
      const state = cards.get(now.id) ?? FSRS.createEmptyCard();
      cards.set(now.id, plain(scheduler.next(state, new Date(), given).card));
      save();
      now.putBack();
      session.grades.set(now, session.grades.get(now) ?? given); // the first grade is what the session's result counts
      if (given === AGAIN) {
        session.again.add(now);
        queue.splice(LATER, 0, now);
      } else {
        session.done += 1;
      }
      if (queue.length) {
        const when = given === AGAIN ? "comes back soon" : `next in ${interval(cards.get(now.id).scheduled_days)}`;
        show(`${NAMES[given]}: ${when}. `);
      } else {
        end();
      }
    };

    const begin = () => {
      queue = draw();
      session = { size: queue.length, done: 0, again: new Set(), grades: new Map() };
      setup.hidden = all.hidden = find(".lb-drill-keep").hidden = true;
      card.hidden = false;
      show();
    };

    const end = () => {
      if (queue.length) queue[0].putBack();
      const given = [...session.grades.values()];
      const counts = NAMES.map((name, i) => [given.filter((g) => g === i).length, name.toLowerCase()]).filter(([n]) => n);
      find(".lb-drill-result").textContent = given.length
        ? `${count(given.length, "question")} answered, first grades: ${counts.map((pair) => pair.join(" ")).join(", ")}.`
        : "No question was answered.";
      find(".lb-drill-reread").hidden = !session.again.size;
      find(".lb-drill-reread ul").replaceChildren(
        ...[...session.again].map((q) => {
          const [item, link] = [document.createElement("li"), document.createElement("a")];
          link.href = q.answer.querySelector(".lb-source").href;
          link.append(...q.asked.cloneNode(true).childNodes);
          item.append(link);
          return item;
        }),
      );
      session = null;
      card.hidden = true;
      setup.hidden = ended.hidden = all.hidden = find(".lb-drill-keep").hidden = false;
      refresh();
      ended.querySelector("h2").focus();
    };

    // Files

    const toFile = () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([write(cards)], { type: "application/json" }));
      link.download = `loss-book-drill-${new Date().toISOString().slice(0, 10)}.json`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href));
      said.textContent = `Exported the grades of ${count(cards.size, "question")}.`;
    };

    const fromFile = async (file) => {
      try {
        const others = parse(await file.text());
        const taken = merge(cards, others);
        save();
        refresh();
        const kept = others.size - taken;
        said.textContent =
          `Imported ${file.name}: the grades of ${count(taken, "question")} taken over` +
          (kept ? `; for ${kept} the grade here was as new or newer.` : ".");
      } catch (error) {
        said.textContent =
          `${file.name} was not imported: ${error.message}. Nothing was changed. ` +
          "Choose a file that “Export grades” has written.";
      }
    };

    const forget = () => {
      if (!confirm("Forget the grades of all questions? This cannot be undone; an exported file brings them back.")) return;
      cards.clear();
      try {
        localStorage.removeItem(KEY);
        damaged = false;
        trouble.textContent = "";
      } catch (error) {
        refused(error);
      }
      refresh();
      said.textContent = "All grades are forgotten.";
    };

    // Keys, unless the reader types or is elsewhere on the page. What has keys of its own, as a button, keeps them.
    const press = (event) => {
      const { key, target } = event;
      if (!session || event.repeat || event.altKey || !(app.contains(target) || target === document.body)) return;
      const held = event.ctrlKey || event.metaKey;
      if (target === typed) {
        if (key === "Enter" && held) uncover();
        else if (key === "Escape") (answered ? answer : question).focus();
        else return;
      } else if (held) return;
      else if (key === "Escape") end();
      else if ((key === " " || key === "Enter") && !answered && !target.closest("a, button, input, summary")) uncover();
      else if (/^[1-4]$/.test(key) && answered) grade(Number(key));
      else return;
      event.preventDefault();
    };

    setup.addEventListener("submit", (event) => {
      event.preventDefault();
      begin();
    });
    drill.addEventListener("input", (event) => {
      if (!event.target.name) return; // the text box has none
      if (event.target.name === "timer") timing(event.target.checked);
      remember();
      refresh();
    });
    reveal.addEventListener("click", uncover);
    for (const button of grades.children) button.addEventListener("click", () => grade(Number(button.dataset.grade)));
    find(".lb-drill-end").addEventListener("click", end);
    find(".lb-drill-export").addEventListener("click", toFile);
    const file = find("[type=file]");
    find(".lb-drill-import").addEventListener("click", () => file.click());
    file.addEventListener("change", async () => {
      if (file.files.length) await fromFile(file.files[0]);
      file.value = ""; // so that the same file can be chosen again
    });
    find(".lb-drill-forget").addEventListener("click", forget);
    document.addEventListener("keydown", press);
    addEventListener("storage", (event) => {
      if (event.key !== KEY) return;
      if (event.newValue === null) cards.clear(); // another tab has forgotten all; else it has graded
      load();
      refresh();
    });
    setInterval(tick, 250);

    load();
    recall();
    refresh();
    all.open = false;
    app.hidden = false;
  };

  for (const drill of document.querySelectorAll(".lb-drill")) start(drill);
})();
