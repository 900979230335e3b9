// What a reader can do on a page: predict, answer, explore a flame graph, copy a command, choose light or dark. Each page says everything
// without it.
(() => {
  "use strict";
  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  // Two themes and the system's are offered; mdBook calls its dark one by another name.
  const dark = document.getElementById("mdbook-theme-navy");
  if (dark) dark.textContent = "Dark";

  // mdBook's switch of the table of contents is a label, which no keyboard reaches.
  const contents = document.getElementById("mdbook-sidebar-toggle");
  if (contents) {
    contents.setAttribute("role", "button");
    contents.tabIndex = 0;
    contents.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      contents.click();
    };
  }

  for (const command of navigator.clipboard ? document.querySelectorAll(".command") : []) {
    const button = make("button", { type: "button", textContent: "Copy" });
    button.setAttribute("aria-label", `Copy the command ${command.textContent.trim()}`);
    button.onclick = async () => {
      await navigator.clipboard.writeText(command.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    };
    command.append(button);
  }

  // On a phone a row becomes a card, whose figures need their column's name.
  for (const table of document.querySelectorAll("main table")) {
    const names = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
    for (const row of table.querySelectorAll("tbody tr")) {
      [...row.cells].forEach((cell, column) => {
        if (column > 0 && names[column]) cell.dataset.label ??= names[column];
      });
    }
  }

  // What scrolls must be reached by the keyboard.
  const reach = () => {
    for (const block of document.querySelectorAll("main pre > code, .table-wrapper")) {
      if (block.scrollWidth > block.clientWidth) block.tabIndex = 0;
    }
  };
  reach();
  addEventListener("resize", reach);

  // On paper nothing can be unfolded.
  addEventListener("beforeprint", () => {
    for (const report of document.querySelectorAll("details.whole, .question details, .tree details")) report.open = true;
    showAll();
  });

  // ---- What was answered stays in this browser, where it lets us.
  const title = document.title.split(" - ")[0];
  const kept = (() => {
    const name = "leak-workbook";
    const read = () => {
      try {
        return JSON.parse(localStorage.getItem(name)) ?? {};
      } catch {
        return {};
      }
    };
    const write = (all) => {
      try {
        localStorage.setItem(name, JSON.stringify(all));
      } catch {
        // A browser that keeps nothing.
      }
    };
    return {
      all: read,
      get: (key) => read()[key],
      set: (key, value) => write({ ...read(), [key]: value }),
      forget: () => write({}),
    };
  })();

  // ---- Predict, then see: on a first visit the plot stands alone.
  let showAll = () => {};
  const asked = document.querySelectorAll("section.predict");
  const predict = asked.length === 1 ? asked[0] : null; // the page of all pages asks nothing
  if (predict && !kept.get(`${title}: prediction`) && location.hash === "" && !location.search) {
    const plot = predict.previousElementSibling;
    const others = [...predict.parentElement.children].filter((other) => other !== predict && other !== plot && !other.hidden);
    const root = document.documentElement;
    const told = predict.querySelector(".told");
    const isBlind = (yes) => {
      root.classList.toggle("blind", yes);
      for (const other of others) other.hidden = yes;
    };
    showAll = () => isBlind(false);
    const chosen = (name) => predict.querySelector(`input[name="${name}"]:checked`)?.value;
    predict.hidden = false;
    isBlind(true);
    predict.querySelector(".skip").onclick = () => {
      kept.set(`${title}: prediction`, "none");
      isBlind(false);
      predict.hidden = true;
      const heading = document.querySelector("main h1");
      heading.tabIndex = -1;
      heading.focus();
    };
    predict.querySelector(".see").onclick = () => {
      const guess = ["verdict", "class"].map(chosen);
      if (guess.includes(undefined)) {
        told.textContent = "Choose a verdict and a class first, or read without a guess.";
        return;
      }
      const run = [predict.dataset.verdict, predict.dataset.class];
      const isRight = guess.map((word, place) => word === run[place]);
      kept.set(`${title}: prediction`, { guess, run });
      const words = isRight.every(Boolean)
        ? "You said the same."
        : isRight[0]
          ? `You said the same verdict, and the class ${guess[1]}.`
          : `You said ${guess[0]}, of class ${guess[1]}.`;
      told.replaceChildren("The run said ", make("strong", { textContent: run[0] }), ", of class ", make("strong", { textContent: run[1] }), `. ${words} The page tells why.`);
      predict.querySelectorAll("fieldset").forEach((choice) => (choice.disabled = true));
      predict.querySelector(".tools").remove();
      isBlind(false);
    };
  }

  // ---- Questions: choose, and see why.
  document.querySelectorAll(".question").forEach((question, place) => {
    const [options, answers] = question.querySelectorAll("ol");
    if (!options || !answers) return;
    const key = `${title}: question ${place + 1}`;
    const told = make("div", { className: "told" });
    told.setAttribute("role", "status");
    const buttons = [...options.children].map((option, number) => {
      const why = answers.children[number];
      const isRight = why.querySelector("strong").textContent === "Right.";
      const button = make("button", { type: "button" }, ...option.childNodes);
      option.append(button);
      const choose = () => {
        buttons.forEach((other) => other.classList.remove("chosen"));
        button.classList.add("chosen", isRight ? "right" : "wrong");
        told.replaceChildren(...[...why.childNodes].map((node) => node.cloneNode(true)));
      };
      button.onclick = () => {
        choose();
        const before = kept.get(key) ?? { right: false, wrong: [] };
        if (!before.right) kept.set(key, isRight ? { ...before, right: true } : { ...before, wrong: [...before.wrong, number + 1] });
      };
      if (isRight && kept.get(key)?.right) choose();
      return button;
    });
    options.classList.add("options");
    options.after(told);
  });

  // ---- The answers of all pages, on the first one.
  const progress = document.querySelector("section.progress");
  if (progress?.querySelector("ul")) {
    const show = () => {
      const all = kept.all();
      for (const page of progress.querySelectorAll("li")) {
        const { page: name, count } = page.dataset;
        const right = Array.from({ length: count }, (_, place) => all[`${name}: question ${place + 1}`]?.right).filter(Boolean).length;
        page.querySelector("span").textContent = `${right} of ${count}`;
      }
    };
    show();
    progress.hidden = false;
    progress.querySelector(".export").onclick = () => {
      const text = JSON.stringify({ book: "The Leak Workbook", answers: kept.all() }, null, 2);
      const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: "leak-workbook-answers.json" });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    };
    progress.querySelector(".forget").onclick = () => {
      kept.forget();
      show();
    };
  }

  for (const figure of document.querySelectorAll("figure.flames")) flames(figure);
  for (const figure of document.querySelectorAll("figure.pages")) stepThrough(figure);
  for (const figure of document.querySelectorAll("figure.noise")) slide(figure);

  const play = document.querySelector("section.play");
  if (play && document.querySelector("figure.plot")) playIncident(play); // `mdbook build` has the page, and not what is played

  // ---- The incident, played: the page's own recordings, in the order that the reader chooses.
  function playIncident(play) {
    // What there is to look at, on either service: the page's step, what the reader does, and minutes as we estimate them.
    const looks = [
      [2, "Ask the machine, not monitoring", 5],
      [3, "Heap profile, by space", 15],
      [4, "Heap profile, by objects", 15],
      [5, "The socket table", 10],
      [6, "The task profile", 10],
      [7, "Ask the runtime to collect", 5],
      [8, "Wait", 10],
      [9, "Load, pause, load again", 20],
      [11, "Ask for the memory back", 5],
      [12, "Another configuration: MADV_FREE, and a squeeze", 45],
      [13, "Another configuration: decay by time", 30],
      [14, "Two services side by side", 60],
    ];
    const authors = [
      "docker stats: monitoring was right",
      "Heap profile, by space and by objects",
      "netstat: connections end properly",
      "Goroutines: a normal number",
      "runtime.GC() and debug.FreeOSMemory(): the graph doesn't move",
      "Wait: nothing is returned",
      "Load, pause, load again: the second adds nothing",
      "Go's issue tracker: MADV_FREE since Go 1.12",
      "Two services with MADV_DONTNEED: memory leaves when it is asked to",
      "verdict: no leak",
    ];
    const verdicts = [...document.querySelectorAll("section.play [data-verdict]")].map((word) => word.dataset.verdict);
    // What a part of the page shows: a step's by its number, a look's at the control run by its id.
    const recorded = (part, what = ".terminal, figure.plot") => {
      const heading = [...document.querySelectorAll("main :is(h2, h3)")].find((heading) => heading.id === part || heading.id.startsWith(`${part}-`));
      const found = [];
      for (let next = heading.nextElementSibling; next && !next.matches("h2, h3"); next = next.nextElementSibling) {
        if (next.matches(what)) found.push(next.cloneNode(true));
      }
      return found;
    };
    // Two of the instruments weren't turned on the control run: the page says why in words, and these take no time.
    const ofControl = ([step, what, cost]) => {
      const found = () => recorded(`control-${step}`);
      return found().length > 0 ? [what, cost, found] : [what, 0, () => recorded(`control-${step}`, "p")];
    };
    const told = (step) => recorded(step).map((part) => part.textContent).join("\n");
    const said = (step) => told(step).match(/^(leak|retention|pressure|steady|warming-up|inconclusive): /m)?.[1];
    // A caption of the page's would tell what the reader is about to find.
    const withCaption = (figure, text) => {
      figure.querySelector("figcaption").textContent = text;
      return figure;
    };
    const inMinutes = (minutes) => `${minutes} ${minutes === 1 ? "minute" : "minutes"}`;
    const graphAlone = (step) => {
      const figure = recorded(step).find((part) => part.matches("figure.plot"));
      figure.classList.add("resident-alone");
      return withCaption(figure, "Resident memory, as monitoring shows it.");
    };
    const heading = (text) => make("h3", { textContent: text, tabIndex: -1 });

    // A service to judge: what can be looked at, and what was.
    const service = (name, graph, bench, truth, then) => {
      const seen = [];
      let minutes = 0;
      const spent = make("p", { className: "spent" });
      spent.setAttribute("role", "status");
      const log = make("ol", { className: "looks" });
      const tell = () => (spent.textContent = seen.length === 0 ? "Nothing looked at yet." : `${seen.length} looked at, ${inMinutes(minutes)}.`);
      tell();
      const buttons = bench.map(([what, cost, show]) => {
        const button = make("button", { type: "button", textContent: `${what} (${cost} min)` });
        button.onclick = () => {
          button.disabled = true;
          seen.push(what);
          minutes += cost;
          tell();
          const entry = make("li", {}, make("h4", { textContent: what, tabIndex: -1 }), ...show());
          log.append(entry);
          reach();
          entry.querySelector("h4").focus();
        };
        return button;
      });
      const choice = make("select", {}, make("option", { value: "", textContent: "choose" }), ...verdicts.map((word) => make("option", { value: word, textContent: word })));
      const commit = make("button", { type: "button", className: "commit", textContent: "Commit" });
      const ending = make("div", { className: "told" });
      ending.setAttribute("role", "status");
      commit.onclick = () => {
        if (choice.value === "") {
          ending.textContent = "Choose a verdict first. inconclusive is one.";
          return;
        }
        for (const control of [...buttons, choice, commit]) control.disabled = true;
        const same = choice.value === truth ? "You said the same" : `You said ${choice.value}`;
        ending.replaceChildren("The instrument said ", make("strong", { textContent: truth }), `. ${same}, after ${inMinutes(minutes)}.`);
        then({ seen, minutes, verdict: choice.value });
      };
      const title = heading(name);
      const box = make(
        "div",
        { className: "service" },
        title,
        graph,
        make("p", { textContent: "What do you look at?" }),
        make("div", { className: "bench" }, ...buttons),
        spent,
        log,
        make("p", { className: "verdict-of" }, make("label", {}, "Your verdict, at any time: ", choice), " ", commit),
        ending,
      );
      play.append(box);
      title.focus();
    };

    const begin = () => {
      service(
        "The service that climbs",
        graphAlone(1),
        looks.map(([step, what, cost]) => [what, cost, () => recorded(step)]),
        said(10),
        (first) => {
          play.append(make("div", { className: "figures" }, make("p", { textContent: "The figures that it goes by:" }), ...recorded(10)));
          second(first);
        },
      );
    };
    const second = (first) => {
      service(
        "A second service, of which you are told nothing",
        graphAlone(15),
        [
          ...looks.map(ofControl),
          ["Live memory beside resident", 1, () => [withCaption(recorded(15).find((part) => part.matches("figure.plot")), "Resident and live memory.")]],
          ["Triage under load, with the sites", 5, () => recorded(15).filter((part) => part.matches(".terminal"))],
        ],
        said(15),
        (last) => {
          const list = (items) => make("ol", {}, ...items.map((item) => make("li", { textContent: item })));
          const column = (name, ...parts) => make("div", {}, make("h4", { textContent: name }), ...parts);
          const paths = heading("Two paths");
          play.append(
            paths,
            make(
              "div",
              { className: "paths" },
              column(
                "Yours",
                list([...first.seen, `verdict: ${first.verdict}`, ...last.seen, `verdict: ${last.verdict}`]),
                make("p", { textContent: `${inMinutes(first.minutes + last.minutes)}, as we estimate them.` }),
              ),
              column(
                "The authors'",
                list(authors),
                make("p", { textContent: "Their page tells no duration." }),
              ),
            ),
            make("p", { textContent: "Live memory beside resident, on one graph, decides both services in a minute. The page below tells every step." }),
          );
          paths.focus();
        },
      );
    };

    play.hidden = false;
    const start = make("button", { type: "button", className: "start", textContent: "Play" });
    start.onclick = () => {
      start.remove();
      begin();
    };
    play.append(make("p", {}, start));
  }

  // Pages of memory: one step at a time, or all of them.
  function stepThrough(figure) {
    const steps = [...figure.querySelectorAll("ol > li")];
    const button = (textContent, onclick) => make("button", { type: "button", textContent, onclick });
    let current = 0;
    let isWhole = false;
    const go = (by) => () => {
      current += by;
      show();
    };
    const [back, next] = [button("Back", go(-1)), button("Next step", go(1))];
    const whole = button("All steps", () => {
      isWhole = !isWhole;
      show();
    });
    const told = make("span");
    told.setAttribute("role", "status");
    const show = () => {
      steps.forEach((step, place) => (step.hidden = !isWhole && place !== current));
      back.disabled = isWhole || current === 0;
      next.disabled = isWhole || current === steps.length - 1;
      whole.textContent = isWhole ? "One step at a time" : "All steps";
      told.textContent = isWhole ? "" : `Step ${current + 1} of ${steps.length}`;
    };
    figure.prepend(make("div", { className: "steps" }, back, next, whole, told));
    addEventListener("beforeprint", () => {
      isWhole = true;
      show();
    });
    show();
  }

  // Runs beside more and more noise: a slider's position is one of them. On paper all are there.
  function slide(figure) {
    const runs = [...figure.querySelectorAll("ol > li")];
    if (runs.length === 0) return;
    const slider = make("input", { type: "range", min: 0, max: runs.length - 1, value: 0 });
    const show = () => {
      runs.forEach((run, place) => run.classList.toggle("away", place !== slider.valueAsNumber));
      const [noise, verdict] = [".beside", ".said strong"].map((part) => runs[slider.valueAsNumber].querySelector(part).textContent);
      slider.setAttribute("aria-valuetext", `${noise}: ${verdict}`);
    };
    slider.oninput = show;
    slider.onkeydown = (event) => event.stopPropagation(); // mdBook turns pages by the arrows
    figure.prepend(make("div", { className: "steps" }, make("label", {}, "Noise", slider)));
    show();
  }

  // A graph whose boxes can be widened to the whole, searched, and walked through with the arrows.
  function flames(figure) {
    const graph = figure.querySelector(".graph");
    const frames = [...graph.querySelectorAll(".frame")].map((box) => ({
      box,
      depth: Number(box.dataset.depth),
      left: parseFloat(box.style.left),
      width: parseFloat(box.style.width),
      told: box.title,
    }));
    if (frames.length === 0) return;
    const right = (frame) => frame.left + frame.width;
    const within = (inner, outer) => inner.left >= outer.left - 0.011 && right(inner) <= right(outer) + 0.011;
    const above = (frame) => frames.find((other) => other.depth === frame.depth - 1 && within(frame, other));
    const below = (frame) => frames.find((other) => other.depth === frame.depth + 1 && within(other, frame));
    const beside = (frame, by) => {
      const row = frames.filter((other) => other.depth === frame.depth && !other.box.hidden);
      return row[row.indexOf(frame) + by];
    };

    const search = make("input", { type: "search", placeholder: "a function" });
    const reset = make("button", { type: "button", textContent: "Whole graph", disabled: true });
    const found = make("span", { className: "matches" });
    found.setAttribute("role", "status");
    const told = make("p", { className: "told" });
    figure.prepend(make("div", { className: "tools" }, make("label", {}, "Find ", search), reset, found));
    graph.after(told);

    let current = frames[0];
    const show = (frame) => (told.textContent = frame.told);
    const point = (frame) => {
      if (!frame) return;
      current.box.tabIndex = -1;
      current = frame;
      current.box.tabIndex = 0;
      current.box.focus();
    };
    const zoom = (to) => {
      for (const frame of frames) {
        const isAbove = frame.depth < to.depth && within(to, frame);
        const isShown = isAbove || (frame.depth >= to.depth && within(frame, to));
        frame.box.hidden = !isShown;
        frame.box.classList.toggle("above", isAbove);
        frame.box.style.left = `${isAbove ? 0 : ((frame.left - to.left) / to.width) * 100}%`;
        frame.box.style.width = `${isAbove ? 100 : (frame.width / to.width) * 100}%`;
      }
      reset.disabled = to === frames[0];
    };
    const match = () => {
      const wanted = search.value.trim().toLowerCase();
      let count = 0;
      for (const frame of frames) {
        const isFound = wanted !== "" && frame.told.toLowerCase().split(": ")[0].includes(wanted);
        frame.box.classList.toggle("found", isFound);
        count += isFound;
      }
      found.textContent = wanted === "" ? "" : `${count} of ${frames.length} boxes`;
    };

    graph.setAttribute("role", "tree");
    for (const frame of frames) {
      const { box } = frame;
      box.setAttribute("role", "treeitem");
      box.setAttribute("aria-level", frame.depth + 1);
      box.setAttribute("aria-label", `${box.textContent}, ${frame.told}`);
      box.setAttribute("aria-selected", "false");
      box.tabIndex = frame === current ? 0 : -1;
      box.onmouseenter = () => show(frame);
      box.onfocus = () => show(frame);
      box.onclick = () => {
        point(frame);
        zoom(frame);
      };
    }
    const keys = {
      ArrowUp: () => point(above(current)),
      ArrowDown: () => point(below(current)),
      ArrowLeft: () => point(beside(current, -1)),
      ArrowRight: () => point(beside(current, 1)),
      Home: () => point(frames[0]),
      Enter: () => zoom(current),
      " ": () => zoom(current),
      Escape: () => zoom(frames[0]),
    };
    graph.onkeydown = (event) => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation(); // mdBook turns pages by the arrows
      act();
    };
    search.oninput = match;
    search.onkeydown = (event) => event.stopPropagation();
    reset.onclick = () => zoom(frames[0]);
  }
})();
