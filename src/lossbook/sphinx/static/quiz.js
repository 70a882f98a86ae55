// Rounds of the quiz. Every picture and every reply is in the page: this shows one at a time, counts, and asks again.
(() => {
  "use strict";

  const EACH = 3; // pictures of a kind in a round

  const element = (name, className, text) => {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text || "";
    return made;
  };

  const button = (className, text, press) => {
    const made = element("button", className, text);
    made.type = "button";
    made.addEventListener("click", press);
    return made;
  };

  const shuffled = (list) => {
    const mixed = [...list];
    for (let i = mixed.length - 1; i > 0; i -= 1) {
      const j = Math.floor(Math.random() * (i + 1));
      [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
    }
    return mixed;
  };

  // A picture with its answers as buttons; `answered` hears once whether the first choice was right.
  const prepare = (item, answered) => {
    const replies = [...item.querySelectorAll(".lb-reply")];
    const curves = [...item.querySelectorAll(".lb-curve[data-answer]")];
    const list = item.querySelector(".lb-answers");
    const told = element("div", "lb-told");
    told.setAttribute("aria-live", "polite");
    const right = replies[0].dataset.answer;
    let open = true;

    const choose = (answer) => {
      const hit = answer.dataset.answer === right;
      answer.classList.add(hit ? "lb-hit" : "lb-miss");
      for (const curve of curves) curve.classList.toggle("lb-shown", curve.dataset.answer === answer.dataset.answer);
      const shown = hit ? [right] : [answer.dataset.answer, right];
      told.replaceChildren(
        element("p", "lb-verdict", open ? (hit ? "Right." : "No: here is what it would have drawn, over the right one.") : ""),
        ...shown.map((wanted) => replies.find((reply) => reply.dataset.answer === wanted)),
      );
      if (!open) return; // afterwards the other answers only show their curves
      open = false;
      answers.find((other) => other.dataset.answer === right).classList.add("lb-hit");
      answered(hit);
    };

    const answers = [...list.children].map((place, i) => {
      const answer = button("", place.textContent, () => choose(answer));
      answer.dataset.answer = i;
      place.replaceChildren(answer);
      return answer;
    });
    item.querySelector("details").replaceWith(told);

    const ask = () => {
      open = true;
      told.replaceChildren();
      for (const curve of curves) curve.classList.remove("lb-shown");
      for (const answer of answers) answer.className = "";
      list.append(...shuffled([...list.children]));
      item.hidden = false;
    };

    return {
      item,
      ask,
      name: () => replies[0].querySelector("strong").cloneNode(true),
      buttons: () => [...list.querySelectorAll("button")],
    };
  };

  const start = (quiz) => {
    const round = element("div", "lb-round");
    const progress = element("span", "lb-progress");
    const score = element("span", "lb-right");
    const end = element("div", "lb-end");
    const next = button("lb-go lb-next", "Next", () => step());
    const decks = new Map(); // of each kind, what has not been seen yet
    let pictures = [];
    let at = -1;
    let hits = 0;
    let missed = [];

    const count = () => {
      progress.textContent = `Picture ${Math.min(at + 1, pictures.length)} of ${pictures.length}`;
      score.textContent = `${hits} right`;
    };

    const all = [...quiz.querySelectorAll(".lb-item")].map((item) =>
      prepare(item, (hit) => {
        if (hit) hits += 1;
        else missed.push(pictures[at]);
        count();
        next.textContent = at + 1 < pictures.length ? "Next" : "See the score";
        item.append(next);
        next.focus({ preventScroll: true });
      }),
    );

    const deal = () => {
      pictures = [];
      for (const kind of new Set(all.map((one) => one.item.dataset.kind))) {
        const whole = all.filter((one) => one.item.dataset.kind === kind);
        const left = decks.get(kind) || [];
        const fresh = left.length ? left : shuffled(whole);
        const dealt = fresh.splice(0, EACH);
        if (dealt.length < Math.min(EACH, whole.length)) {
          fresh.push(...shuffled(whole.filter((one) => !dealt.includes(one))));
          dealt.push(...fresh.splice(0, Math.min(EACH, whole.length) - dealt.length));
        }
        decks.set(kind, fresh);
        pictures.push(...dealt);
      }
      pictures = shuffled(pictures);
      at = -1;
      hits = 0;
      missed = [];
    };

    const close = () => {
      next.remove();
      end.replaceChildren(element("p", "lb-score", `You named ${hits} of ${pictures.length}.`));
      if (missed.length) {
        const list = element("ul", "lb-missed");
        for (const one of missed) {
          const entry = document.createElement("li");
          entry.append(one.name());
          list.append(entry);
        }
        end.append(element("p", "", "To look at again:"), list);
      }
      const again = button("lb-go lb-again", "Again", begin);
      end.append(again);
      end.hidden = false;
      again.focus();
    };

    const step = () => {
      if (at >= 0) pictures[at].item.hidden = true;
      at += 1;
      if (at === pictures.length) {
        close();
        return;
      }
      next.remove();
      pictures[at].ask();
      count();
      if (at > 0) pictures[at].buttons()[0].focus({ preventScroll: true });
      if (at > 0) round.scrollIntoView({ block: "nearest" });
    };

    const begin = () => {
      deal();
      end.hidden = true;
      step();
      pictures[0].buttons()[0].focus({ preventScroll: true });
      round.scrollIntoView({ block: "nearest" });
    };

    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
      if (at < 0 || at >= pictures.length) return;
      const buttons = pictures[at].buttons();
      const number = Number(event.key);
      if (number >= 1 && number <= buttons.length) {
        buttons[number - 1].click();
        return;
      }
      const move = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      const here = buttons.indexOf(document.activeElement);
      if (move && here >= 0) {
        event.preventDefault();
        buttons[(here + move + buttons.length) % buttons.length].focus();
      }
    };

    for (const one of all) one.item.hidden = true;
    end.hidden = true;
    round.append(progress, score);
    score.setAttribute("aria-live", "polite");
    quiz.classList.add("lb-playing");
    quiz.querySelector(".lb-keys").hidden = false;
    quiz.querySelector(".lb-items").before(round);
    quiz.append(end);
    document.addEventListener("keydown", press);
    deal();
    step();
  };

  const ready = () => document.querySelectorAll(".lb-quiz").forEach(start);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
})();
