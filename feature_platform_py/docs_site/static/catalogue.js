// The feature catalogue: search and filters on the left, what was chosen on the right. Its data is in data.js.
(() => {
  const { html, render, useState, useLayoutEffect, useMemo, useRef } = htmPreact;
  const { project, features, groups = {}, models, jobs, sources = {}, entities = {}, transformers = {}, lineage, diagram } = window.CATALOGUE;
  const PAGE = 50;
  const USES = { value: "value", condition: "condition", partition: "partition key", order: "order key", filter: "filter", join: "join key" };
  const byId = new Map(features.map((feature) => [feature.id, feature]));

  const hrefOf = (feature) => `#/feature/${encodeURIComponent(feature.model)}/${encodeURIComponent(feature.name)}`;
  const hrefTo = (kind, name) => `#/${kind}/${encodeURIComponent(name)}`;

  // A description, with the names in backticks as code, or that nobody has written one.
  const coded = (text) => text.split(/`([^`]+)`/).map((part, position) => (position % 2 ? html`<code>${part}</code>` : part));
  const said = (text) => (text ? coded(text) : html`<span class="none">no description yet</span>`);
  const lastSaid = (cells) => [...cells.slice(0, -1), said(cells[cells.length - 1])];

  // Everything that has a page, in the order of the list: what is found, and what is said of it there.
  const named = (kind, all, about) =>
    Object.entries(all).map(([name, each]) => ({
      id: `${kind}:${name}`, kind, name, href: hrefTo(kind, name), about: about(each), description: each.description, owner: each.owner ?? "",
      entity: kind === "entity" ? name : each.entity ?? "", tags: [],
      words: (each.fields ?? each.params ?? []).map(([field]) => field).join(" "),
    }));
  const aheadIn = (feature) => feature.jobs.filter((use) => use.looksAhead).map((use) => use.name);
  const things = [
    ...features.map((feature) => ({
      id: feature.id, kind: "feature", name: feature.name, href: hrefOf(feature), description: feature.description, owner: feature.owner,
      about: `${feature.entity} · ${feature.model}${feature.jobs.length ? "" : " · in no job"}${aheadIn(feature).length ? " · looks ahead" : ""}`,
      entity: feature.entity, tags: feature.tags, words: `${feature.model}${aheadIn(feature).length ? " looks ahead" : ""}`,
    })),
    ...named("group", groups, (group) => `feature group of ${group.entity}`),
    ...named("job", jobs, (job) => `job on ${job.source}`),
    ...named("source", sources, (source) => `source of ${source.entity}`),
    ...named("entity", entities, () => "entity"),
    ...named("transformer", transformers, () => "transformer"),
  ];
  const thingById = new Map(things.map((thing) => [thing.id, thing]));

  const search = new MiniSearch({
    fields: ["name", "description", "tags", "owner", "entity", "words", "kind"],
    extractField: (thing, field) => (field === "tags" ? thing.tags.join(" ") : thing[field]),
    tokenize: (text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean),
    searchOptions: { boost: { name: 4, tags: 2 }, prefix: true, combineWith: "AND", fuzzy: (term) => (term.length > 4 ? 0.2 : false) },
  });
  search.addAll(things);

  const found = (query, chosen) => {
    const text = query.trim();
    const exact = thingById.get(text) || things.find((thing) => thing.name === text);
    const ranked = text ? search.search(text).map((hit) => thingById.get(hit.id)) : things;
    const ordered = exact ? [exact, ...ranked.filter((thing) => thing !== exact)] : ranked;
    return ordered.filter(
      (thing) =>
        (!chosen.kind || thing.kind === chosen.kind) &&
        (!chosen.entity || thing.entity === chosen.entity) &&
        (!chosen.tag || thing.tags.includes(chosen.tag)) &&
        (!chosen.owner || thing.owner === chosen.owner),
    );
  };

  const counted = (values) => {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
    return [...counts].sort(([one], [other]) => (one < other ? -1 : 1));
  };
  const KINDS = { feature: "features", group: "feature groups", job: "jobs", source: "sources", entity: "entities", transformer: "transformers" };
  const CHOICES = {
    kind: counted(things.map((thing) => thing.kind)),
    entity: counted(things.map((thing) => thing.entity).filter(Boolean)),
    tag: counted(features.flatMap((feature) => feature.tags)),
    owner: counted(things.map((thing) => thing.owner).filter(Boolean)),
  };

  // What the address names: a kind and a name, `{}` for the overview, `missing` for a page that does not exist.
  const NAMED = { group: groups, job: jobs, source: sources, entity: entities, transformer: transformers };
  const fromHash = () => {
    if (["", "#", "#/"].includes(location.hash)) return {};
    if (location.hash === "#/entities") return { kind: "entities" };
    try {
      const [kind, ...rest] = location.hash.slice(2).split("/").map(decodeURIComponent);
      const name = rest.join("/");
      if (kind === "feature" && rest.length > 1) {
        const feature = byId.get(`${rest[0]}.${rest.slice(1).join("/")}`);
        if (feature) return { kind, feature };
      }
      if (Object.hasOwn(NAMED, kind) && Object.hasOwn(NAMED[kind], name)) return { kind, name };
      return { kind: "missing", name: rest[rest.length - 1] || kind };
    } catch {
      return { kind: "missing", name: location.hash };
    }
  };
  // The table with a feature of a group, or of the first job that computes the feature.
  const tableOf = (feature) => feature.table ?? feature.jobs[0]?.model;

  const Select = ({ kind, value, choose }) => html`
    <div>
      <label for=${`by-${kind}`}>${kind[0].toUpperCase() + kind.slice(1)}</label>
      <select id=${`by-${kind}`} value=${value} onChange=${(event) => choose(kind, event.target.value)}>
        <option value="">all</option>
        ${CHOICES[kind].map(([name, count]) => html`<option value=${name} key=${name}>${kind === "kind" ? KINDS[name] : name} (${count})</option>`)}
      </select>
    </div>`;

  const NOT_CHOSEN = { kind: "", entity: "", tag: "", owner: "" };

  // Why the list is empty, and the way out.
  const NothingFound = ({ query, chosen, clear }) => {
    const limits = Object.entries(chosen).filter(([, value]) => value).map(([kind, value]) => `${kind} ${kind === "kind" ? KINDS[value] : value}`);
    const text = query.trim();
    return html`
      <p class="none">Nothing ${text && html`has all words of “${text}”`}${text && limits.length > 0 && ", "}${limits.length > 0 && `with ${limits.join(", ")}`}.
        Names, descriptions, tags, owners, entities, tables and columns were searched.</p>
      <button onClick=${clear}>Show everything</button>`;
  };

  const Finder = ({ selected }) => {
    const [query, setQuery] = useState("");
    const [chosen, setChosen] = useState(NOT_CHOSEN);
    const [shown, setShown] = useState(PAGE);
    const box = useRef(null);
    const list = useRef(null);
    const hits = useMemo(() => found(query, chosen), [query, chosen]);
    const change = (set) => (...given) => { setShown(PAGE); set(...given); };

    useLayoutEffect(() => {
      const focusSearch = (event) => {
        const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
        if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
          event.preventDefault();
          box.current.focus();
        }
      };
      addEventListener("keydown", focusSearch);
      return () => removeEventListener("keydown", focusSearch);
    }, []);

    const move = (event) => {
      if (event.key === "Escape") {
        change(setQuery)("");
        box.current.focus();
      }
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      const links = [...list.current.querySelectorAll("a")];
      const next = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
      (next < 0 ? box.current : links[Math.min(next, links.length - 1)])?.focus();
    };
    const open = (event) => {
      if (event.key === "Enter" && hits.length) location.hash = hits[0].href;
    };

    return html`
      <section class="finder" aria-label="Find a page">
        <div role="search">
          <label for="search">Search</label>
          <input id="search" type="search" ref=${box} value=${query} autocomplete="off" placeholder="Press / to search"
            onInput=${(event) => change(setQuery)(event.target.value)} onKeyDown=${(event) => { move(event); open(event); }} />
          <div class="filters">
            ${Object.keys(CHOICES).map((kind) => html`<${Select} kind=${kind} value=${chosen[kind]} key=${kind}
              choose=${(name, value) => change(setChosen)({ ...chosen, [name]: value })} />`)}
          </div>
        </div>
        <p class="count" role="status" aria-live="polite">${hits.length} of ${things.length} pages</p>
        ${hits.length === 0 && html`<${NothingFound} query=${query} chosen=${chosen}
          clear=${() => { change(setQuery)(""); setChosen(NOT_CHOSEN); box.current.focus(); }} />`}
        <ul class="results" ref=${list} onKeyDown=${move}>
          ${hits.slice(0, shown).map((thing) => html`
            <li key=${thing.id}>
              <a href=${thing.href} aria-current=${thing.href === selected ? "page" : undefined}>
                <span class="name">${thing.name}</span>
                <span class="about">${thing.about}</span>
              </a>
            </li>`)}
        </ul>
        ${hits.length > shown && html`<button onClick=${() => setShown(shown + PAGE)}>Show ${Math.min(PAGE, hits.length - shown)} more</button>`}
      </section>`;
  };

  // ---- lineage ----
  const nodesById = new Map(lineage.nodes.map((node) => [node.id, node]));
  const edgesBy = (end) => {
    const edges = new Map();
    for (const edge of lineage.edges) edges.set(edge[end], [...(edges.get(edge[end]) || []), edge]);
    return edges;
  };
  const into = edgesBy("to");
  const outOf = edgesBy("from");

  // The same feature of several jobs is a column of several tables; a group's is a column of one, and maybe of the group's view.
  const tablesOf = (feature) => [...new Set(feature.table ? [feature.table, feature.model] : feature.jobs.map(({ model }) => model))];
  const columnsOf = (feature) => tablesOf(feature).map((model) => `${model}.${feature.name}`);

  const around = (columns) => {
    const edges = new Set();
    for (const [step, end] of [[into, "from"], [outOf, "to"]]) {
      const waiting = [...columns];
      const seen = new Set(waiting);
      while (waiting.length) {
        for (const edge of step.get(waiting.pop()) || []) {
          edges.add(edge);
          if (!seen.has(edge[end])) { seen.add(edge[end]); waiting.push(edge[end]); }
        }
      }
    }
    const ids = new Set([...columns, ...[...edges].flatMap((edge) => [edge.from, edge.to])]);
    return { nodes: [...ids].map((each) => nodesById.get(each)).filter(Boolean), edges: [...edges] };
  };

  const layersOf = ({ nodes, edges }) => {
    const depth = new Map(nodes.map((node) => [node.id, 0]));
    // Longest path from a source; as many rounds as there are nodes end also in a graph with a circle.
    for (let round = 0, moved = true; moved && round < nodes.length; round++) {
      moved = false;
      for (const edge of edges) {
        if (depth.get(edge.to) < depth.get(edge.from) + 1) { depth.set(edge.to, depth.get(edge.from) + 1); moved = true; }
      }
    }
    const layers = [];
    for (const node of nodes) (layers[depth.get(node.id)] ||= []).push(node);
    return layers.filter(Boolean);
  };

  const cut = (text, longest) => (text.length > longest ? `${text.slice(0, longest - 1)}…` : text);
  const words = (uses) => uses.map((use) => USES[use]).join(", ");
  // `spend_v1__user_spend` as `user_spend · spend_v1`: the names of jobs are long, and begin alike.
  const tableFirst = (relation) => relation.replace(/^(.+)__([^_].*)$/, "$2 · $1");
  const labelOf = (node) => node.column || node.relation;

  const Lineage = ({ feature }) => {
    const graph = around(columnsOf(feature));
    if (!graph.edges.length) return html`<p class="none">No job computes it, so there is no SQL to read a lineage from.</p>`;
    const layers = layersOf(graph);
    const WIDTH = 216, GAP = 60, ROW = 40, TOP = 16;
    const place = new Map();
    const heads = [];
    let height = 0;
    layers.forEach((layer, column) => {
      const groups = Map.groupBy ? Map.groupBy(layer, (node) => node.relation) : layer.reduce((all, node) => all.set(node.relation, [...(all.get(node.relation) || []), node]), new Map());
      let y = TOP;
      for (const [relation, members] of groups) {
        if (members[0].column) { heads.push({ x: column * (WIDTH + GAP), y, text: relation }); y += 12; }
        for (const node of members.sort((one, other) => (labelOf(one) < labelOf(other) ? -1 : 1))) {
          place.set(node.id, { x: column * (WIDTH + GAP), y });
          y += ROW;
        }
        y += 22;
      }
      height = Math.max(height, y);
    });
    const width = layers.length * (WIDTH + GAP) - GAP;
    return html`
      <p class="legend">
        <svg viewBox="0 0 36 10" aria-hidden="true"><path d="M0 5H36" /></svg> value ${" "}
        <svg viewBox="0 0 36 10" aria-hidden="true"><path class="key" d="M0 5H36" /></svg> key, condition or filter
      </p>
      <div class="scroll" tabindex="0" role="region" aria-label="Lineage picture, scrolls sideways">
        <svg viewBox=${`-8 -4 ${width + 16} ${height}`} role="img" aria-label=${`Lineage of ${feature.name}; listed as text below`}>
          ${graph.edges.map((edge) => {
            const from = place.get(edge.from), to = place.get(edge.to);
            const x = from.x + WIDTH, half = (to.x - x) / 2;
            return html`<path class=${edge.uses.includes("value") ? "" : "key"}
              d=${`M${x} ${from.y + 15}C${x + half} ${from.y + 15} ${to.x - half} ${to.y + 15} ${to.x} ${to.y + 15}`}><title>${words(edge.uses)}</title></path>`;
          })}
          ${heads.map((head) => html`<g><text class="head" x=${head.x} y=${head.y + 4}>${cut(tableFirst(head.text), 32)}</text><title>${head.text}</title></g>`)}
          ${graph.nodes.map((node) => {
            const { x, y } = place.get(node.id);
            return html`<g>
              <rect class=${`box ${columnsOf(feature).includes(node.id) ? "here" : ""} ${node.kind}`} x=${x} y=${y} width=${WIDTH} height="30" rx="5" />
              <text x=${x + 9} y=${y + 19}>${cut(labelOf(node), 28)}</text><title>${node.id}</title></g>`;
          })}
        </svg>
      </div>
      <details>
        <summary>As text</summary>
        <ul>${graph.edges.map((edge) => html`<li><code>${edge.from}</code> → <code>${edge.to}</code>: ${words(edge.uses)}</li>`)}</ul>
      </details>`;
  };

  // The title of a page about something, and the focus on its heading.
  const useHeading = (name, about = name) => {
    const heading = useRef(null);
    useLayoutEffect(() => {
      document.title = `${name} · Feature catalogue`;
      heading.current.focus({ preventScroll: true });
      // Beside the list the page begins at its top; below the list it is where the heading is.
      if (matchMedia("(max-width: 52rem)").matches) heading.current.scrollIntoView();
      else scrollTo(0, 0);
    }, [about]);
    return heading;
  };

  // ---- one feature ----
  const when = (time) => (time ? time.replace("T", " ").replace("+00:00", " UTC") : "");
  const number = (value) => value.toLocaleString("en");

  const Histogram = ({ feature }) => {
    const { bars } = feature.profile;
    if (!bars.length) return html`<p class="none">The column has no value but NULL, or the table has no rows.</p>`;
    const most = Math.max(1, ...bars.map(([, rows]) => rows));
    if (!/^(decimal|double|float|bigint|int|smallint|tinyint)/.test(feature.type)) {
      return html`<div class="top">${bars.map(([label, rows]) => html`
        <span class="mono">${label}</span><span class="fill" style=${{ width: `${(100 * rows) / most}%` }}></span><span>${number(rows)}</span>`)}</div>`;
    }
    const WIDTH = 500, HEIGHT = 110, step = WIDTH / bars.length;
    const low = bars[0][0].split(" to ")[0], high = bars[bars.length - 1][0].split(" to ").pop();
    const peak = bars.find(([, rows]) => rows === most);
    return html`<div class="histogram">
      <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT + 18}`} role="img"
        aria-label=${`Histogram from ${low} to ${high}; most rows, ${number(most)}, have ${peak[0]}`}>
        ${bars.map(([label, rows], position) => html`<rect x=${position * step + 1} y=${HEIGHT - (HEIGHT * rows) / most}
          width=${step - 2} height=${(HEIGHT * rows) / most}><title>${label}: ${number(rows)} rows</title></rect>`)}
        <text x="0" y=${HEIGHT + 14}>${low}</text>
        <text x=${WIDTH} y=${HEIGHT + 14} text-anchor="end">${high}</text>
      </svg>
      <p class="legend">The 1st to the 99th percentile; what lies outside is in the first and the last bar.</p>
    </div>`;
  };

  const Values = ({ feature }) => {
    const profile = feature.profile;
    if (!profile) return html`<p class="none">The table is not built yet: run a job that has the feature, then build this site again.</p>`;
    const share = profile.rows ? ((100 * profile.nulls) / profile.rows).toFixed(1) : "0";
    return html`
      <${Histogram} feature=${feature} />
      <dl>
        ${profile.table && html`<dt>Of</dt><dd><code>${profile.table}</code></dd>`}
        <dt>Rows</dt><dd>${number(profile.rows)}, of which ${number(profile.nulls)} NULL (${share} %)</dd>
        <dt>Range</dt><dd class="mono">${profile.minimum ?? "NULL"} … ${profile.maximum ?? "NULL"}</dd>
        <dt>Samples</dt><dd class="mono">${profile.samples.join(" · ") || "none"}</dd>
      </dl>`;
  };

  // The tests of the model's table and of the job's input, which dbt names after what they test.
  const testsOf = (feature, job) =>
    Object.entries(job.tests).filter(([test]) =>
      [feature.table ?? feature.model, feature.table ? `${feature.model}__input` : "stg_job_input"].some((model) => test.endsWith(`_${model}`)));

  const Tests = ({ feature }) => {
    if (!feature.jobs.length) return html`<p class="none">No job computes it.</p>`;
    const rows = feature.jobs.flatMap(({ name }) => {
      const job = jobs[name];
      const tests = testsOf(feature, job);
      return tests.length ? tests.map(([test, status]) => [name, test, status, job.finished]) : [[name, "", "not run here", ""]];
    });
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Tests"><table>
      <thead><tr><th scope="col">Job</th><th scope="col">Test</th><th scope="col">Last result</th><th scope="col">When</th></tr></thead>
      <tbody>${rows.map(([name, test, status, finished]) => html`<tr>
        <td>${name}</td><td><code>${test}</code></td>
        <td class=${["pass", "unchanged"].includes(status) ? "pass" : test ? "fail" : ""}>${status}</td>
        <td>${when(finished)}</td></tr>`)}</tbody>
    </table></div>`;
  };

  const Detail = ({ feature }) => {
    const heading = useHeading(feature.name, feature);
    const looksAhead = aheadIn(feature);
    const isPattern = feature.pattern !== feature.name;
    return html`
      <article class="detail" aria-labelledby="feature-name">
        <h2 id="feature-name" tabindex="-1" ref=${heading}>${feature.name}</h2>
        <p class="kind">a feature of <${Links} kind="entity" names=${[feature.entity]} />, ${feature.type}</p>
        <p class="lead">${said(feature.description)}</p>
        <ul class="badges" aria-label="Tags">
          ${feature.tags.map((tag) => html`<li>${tag}</li>`)}
          ${looksAhead.length > 0 && html`<li class="warn">looks ahead in ${looksAhead.join(", ")}</li>`}
        </ul>
        <dl>
          <dt>Owner</dt><dd>${feature.owner}</dd>
          <dt>Group</dt><dd>${groups[feature.group] ? html`<a href=${hrefTo("group", feature.group)}>${feature.group}</a>` : feature.group}: ${said(feature.groupDescription)}</dd>
          <dt>Tables</dt><dd>${tablesOf(feature).length ? html`<${Tables} names=${tablesOf(feature)} />` : feature.model}</dd>
          ${isPattern && html`<dt>Pattern</dt><dd><code>${feature.pattern}</code></dd>`}
        </dl>

        <h3>Jobs that use it</h3>
        ${feature.jobs.length === 0 && html`<p class="none">No job of this project.</p>`}
        ${feature.jobs.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label="Jobs"><table>
          <thead><tr><th scope="col">Job</th><th scope="col">Rule</th><th scope="col">Type</th><th scope="col">Grain</th><th scope="col">Looks ahead</th><th scope="col">Source, freshness</th></tr></thead>
          <tbody>${feature.jobs.map((use) => html`<tr>
            <td title=${jobs[use.name].description}><a href=${hrefTo("job", use.name)}>${use.name}</a><br /><code>${jobs[use.name].file}</code></td>
            <td class="rule">${coded(use.rule)}</td><td>${use.type ?? feature.type}</td><td>${use.grain.join(", ")}</td>
            <td>${use.looksAhead ? "yes: later rows count" : "no"}</td>
            <td><${Links} kind="source" names=${jobs[use.name].source.split(", ")} /><br />${jobs[use.name].freshness}</td></tr>`)}</tbody>
        </table></div>`}

        <h3 id="lineage">Lineage</h3>
        <div class="lineage"><${Lineage} feature=${feature} /></div>
        <h3>Values</h3>
        <${Values} feature=${feature} />
        <h3>Tests</h3>
        <${Tests} feature=${feature} />
        <${Code} title=${feature.code ? "Code of the transformer" : `SQL of ${tableOf(feature)}`} text=${feature.code ?? models[tableOf(feature)]?.sql} />
      </article>`;
  };

  // Links to pages; a name without a page is text.
  const Links = ({ kind, names }) =>
    names.map((name, position) => html`${position > 0 && ", "}${Object.hasOwn(NAMED[kind], name) ? html`<a href=${hrefTo(kind, name)}>${name}</a>` : name}`);

  const Tables = ({ names }) =>
    names.map((name, position) => html`${position > 0 && ", "}<a href=${`dbt.html#!/model/model.${encodeURIComponent(project)}.${name}`}>${name}</a>`);

  // ---- one feature group ----
  const Group = ({ name }) => {
    const heading = useHeading(name);
    const group = groups[name];
    return html`
      <article class="detail" aria-labelledby="feature-name">
        <h2 id="feature-name" tabindex="-1" ref=${heading}>${name}</h2>
        <p class="kind">a feature group of <${Links} kind="entity" names=${[group.entity]} /></p>
        <p class="lead">${said(group.description)}</p>
        <dl>
          <dt>Owner</dt><dd>${group.owner}</dd>
          <dt>Source</dt><dd>${group.source}</dd>
          <dt>Grain</dt><dd>${group.keys.join(", ")}</dd>
          <dt>Tables</dt><dd><${Tables} names=${[...new Set([name, ...group.tables])]} /></dd>
        </dl>
        <h3>Features</h3>
        <div class="scroll" tabindex="0" role="region" aria-label="Features"><table>
          <thead><tr><th scope="col">Feature</th><th scope="col">Type</th><th scope="col">What it is</th></tr></thead>
          <tbody>${features.filter((feature) => feature.table && feature.group === name).map((feature) => html`<tr key=${feature.id}>
            <td><a href=${hrefOf(feature)}>${feature.name}</a></td><td>${feature.type}</td><td class="rule">${said(feature.description)}</td></tr>`)}</tbody>
        </table></div>
        <h3>Jobs that use it</h3>
        ${group.jobs.length
          ? html`<ul>${group.jobs.map((job) => html`<li key=${job}><a href=${hrefTo("job", job)}>${job}</a>: ${said(jobs[job].description)} <code>${jobs[job].file}</code></li>`)}</ul>`
          : html`<p class="none">No job of this project.</p>`}
        <${Code} id="definition" title=${`Definition: ${group.file}`} text=${group.definition} />
        ${group.tables.map((table) => html`<${Code} key=${table} id=${`sql-${table}`} title=${`SQL of ${table}`} text=${models[table]?.sql} />`)}
      </article>`;
  };

  // ---- one job ----
  const Rows = ({ label, head, rows }) => html`
    <div class="scroll" tabindex="0" role="region" aria-label=${label}><table>
      ${head && html`<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>`}
      <tbody>${rows.map(([first, ...more]) => html`<tr><th scope="row">${first}</th>${more.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
    </table></div>`;

  const Proof = ({ job }) => {
    if (!job.asks) return html`<p class="none">Its rows do not ask for features at their own times.</p>`;
    if (!job.proof) return html`<p class="none">Not run here: run the job, then build this site again.</p>`;
    return html`
      <${Rows} label="Facts of the proof" rows=${job.proof.facts} />
      <h3>Features</h3>
      <${Rows} label="Features of the proof" head=${["Feature", "NULL", job.proof.age]} rows=${job.proof.features} />`;
  };

  // A line through the values of a number in all runs, the newest at the right.
  const Course = ({ label, runs, value, shown }) => {
    const WIDTH = 240, HEIGHT = 44, values = runs.map(value), low = Math.min(...values), high = Math.max(...values);
    const x = (position) => (runs.length > 1 ? 4 + ((WIDTH - 8) * position) / (runs.length - 1) : WIDTH / 2);
    const y = (number) => (high > low ? HEIGHT - 4 - ((HEIGHT - 8) * (number - low)) / (high - low) : HEIGHT / 2);
    const newest = values[values.length - 1];
    return html`<figure class="course">
      <figcaption>${label}: <b>${shown(newest)}</b></figcaption>
      <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${`${label} of ${runs.length} runs, from ${shown(low)} to ${shown(high)}; the newest ${shown(newest)}`}>
        <path d=${values.map((number, position) => `${position ? "L" : "M"}${x(position)} ${y(number)}`).join("")} />
        ${values.map((number, position) => html`<circle cx=${x(position)} cy=${y(number)} r="2.5"><title>${when(runs[position].finished)}: ${shown(number)}</title></circle>`)}
      </svg>
      <p class="legend">${shown(low)} to ${shown(high)}</p>
    </figure>`;
  };

  const percent = (share) => `${(100 * share).toFixed(2)} %`;

  const History = ({ runs }) => {
    if (!runs.length) return html`<p class="none">Not run here: run the job, then build this site again.</p>`;
    const [before, newest] = [runs[runs.length - 2], runs[runs.length - 1]];
    const change = (now, then) => (then === undefined ? "new" : `${now >= then ? "+" : "-"}${(100 * Math.abs(now - then)).toFixed(2)} points`);
    return html`
      <p>The last ${number(runs.length)} ${runs.length === 1 ? "run" : "runs"} on this machine that had something to do, from ${when(runs[0].finished)} to ${when(newest.finished)}.</p>
      <div class="courses">
        <${Course} label="Rows" runs=${runs} value=${(run) => run.rows} shown=${number} />
        <${Course} label="Seconds" runs=${runs} value=${(run) => run.seconds} shown=${(seconds) => seconds.toFixed(1)} />
      </div>
      ${before && html`<p>Rows against the run before: ${number(before.rows)} to ${number(newest.rows)}.</p>`}
      <${Listed} label="NULL" head=${["Feature", "NULL", "In the run before", "Change"]} none="Its sink counts no values."
        rows=${Object.entries(newest.nulls).map(([name, share]) => [html`<code>${name}</code>`, percent(share),
          before?.nulls[name] === undefined ? "" : percent(before.nulls[name]), before ? change(share, before.nulls[name]) : ""])} />`;
  };

  // Where the numbers lie in the last run, and in the run before it.
  const LARGE_DRIFT = 0.1;
  const short = (value) => (value === null ? "none" : Number(value.toPrecision(6)).toLocaleString("en"));
  const Drift = ({ drift }) => {
    if (!drift.length) return html`<p class="none">No features that are numbers were counted.</p>`;
    const both = (each, at, shown = short) => {
      if (!each.before || shown(each.before[at]) === shown(each.now[at])) return shown(each.now[at]);
      return html`${shown(each.now[at])}<br /><span class="none">was ${shown(each.before[at])}</span>`;
    };
    const moved = ({ before, drift: by }) => {
      if (!before) return "new";
      if (by === null) return "not defined";
      return by > LARGE_DRIFT ? html`<span class="fail">${by.toFixed(3)}</span>` : by.toFixed(3);
    };
    return html`
      <p>Drift is the difference of the means of the last two runs, in standard deviations. Up to ${LARGE_DRIFT} is commonly taken as negligible
        (Austin 2009, Statistics in Medicine 28). NaN and infinite values are left out.</p>
      <${Listed} label="Drift" head=${["Feature", "Values", "Mean", "Deviation", "Least", "Greatest", "Drift"]}
        rows=${drift.map((each) => [html`<code>${each.name}</code>`, both(each, 0, number), both(each, 1), both(each, 2), both(each, 3), both(each, 4), moved(each)])} />`;
  };

  const Job = ({ name }) => {
    const heading = useHeading(name);
    const job = jobs[name];
    return html`
      <article class="detail" aria-labelledby="feature-name">
        <h2 id="feature-name" tabindex="-1" ref=${heading}>${name}</h2>
        <p class="kind">a job</p>
        <p class="lead">${said(job.description)}</p>
        <dl>
          <dt>File</dt><dd><code>${job.file}</code></dd>
          <dt>Source</dt><dd><${Links} kind="source" names=${job.source.split(", ")} /></dd>
          <dt>Sink</dt><dd>${job.sink}</dd>
          ${job.transformers?.length > 0 && html`<dt>Transformers</dt><dd><${Links} kind="transformer" names=${job.transformers} /></dd>`}
          <dt>Last run</dt><dd>${when(job.finished) || "not run here"}</dd>
        </dl>
        <h3>Features</h3>
        <${Listed} label="Features" head=${["Feature", "Type", "Rule"]} rows=${features.flatMap((feature) => feature.jobs.filter((use) => use.name === name)
          .map((use) => [html`<a href=${hrefOf(feature)}>${feature.name}</a>`, use.type ?? feature.type, use.rule]))} none="It computes no features." />
        <h3>Tests in the last run</h3>
        <${Listed} label="Tests" head=${["Test", "Result"]} rows=${Object.entries(job.tests).map(([test, status]) => [html`<code>${test}</code>`,
          html`<span class=${["pass", "unchanged"].includes(status) ? "pass" : "fail"}>${status}</span>`])} none="Not run here." />
        <h3>Runs</h3>
        <${History} runs=${job.history ?? []} />
        <h3>Drift</h3>
        <${Drift} drift=${job.drift ?? []} />
        <h3>Proof</h3>
        <${Proof} job=${job} />
      </article>`;
  };

  // A table, or a sentence if it has no rows.
  const Listed = ({ label, head, rows, none }) => (rows.length
    ? html`<div class="scroll" tabindex="0" role="region" aria-label=${label}><table>
        <thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
        <tbody>${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
      </table></div>`
    : html`<p class="none">${none}</p>`);

  const FIELDS = ["Field", "Type", "Value", "What it is"];

  // ---- one source ----
  const Source = ({ name }) => {
    const heading = useHeading(name);
    const source = sources[name];
    const origin = `${name}.`;
    const columns = lineage.nodes.filter((node) => node.id.startsWith(origin)).map((node) => node.id);
    const reached = new Set(around(columns).nodes.map((node) => node.id));
    const made = features.filter((feature) => columnsOf(feature).some((column) => reached.has(column)));
    return html`
      <article class="detail" aria-labelledby="feature-name">
        <h2 id="feature-name" tabindex="-1" ref=${heading}>${name}</h2>
        <p class="kind">a source of <${Links} kind="entity" names=${[source.entity]} />, version ${source.version}</p>
        <p class="lead">${said(source.description)}</p>
        <dl>
          <dt>File</dt><dd><code>${source.file}</code></dd>
          <dt>Owner</dt><dd>${source.owner}</dd>
          <dt>Primary key</dt><dd>${source.primaryKey.join(", ") || "none declared"}</dd>
          <dt>Event time</dt><dd>${source.eventTime || "none declared"}</dd>
          <dt>Load time</dt><dd>${source.loadedAt || "none declared"}</dd>
          <dt>Freshness</dt><dd>${source.freshness}</dd>
        </dl>
        <h3>Where it is</h3>
        <${Listed} label="Places" head=${["Target", "Location", "Format"]} rows=${source.places} none="On no target." />
        <h3>Fields</h3>
        <${Listed} label="Fields" head=${FIELDS} rows=${source.fields.map(lastSaid)} none="None are declared." />
        <h3>Features made of it</h3>
        <${Listed} label="Features" head=${["Feature", "What it is"]} none="No feature of a job or a group."
          rows=${made.map((feature) => [html`<a href=${hrefOf(feature)}>${feature.name}</a>`, said(feature.description)])} />
        <h3>Read by</h3>
        <dl>
          <dt>Jobs</dt><dd>${source.jobs.length ? html`<${Links} kind="job" names=${source.jobs} />` : "none"}</dd>
          <dt>Feature groups</dt><dd>${source.groups.length ? html`<${Links} kind="group" names=${source.groups} />` : "none"}</dd>
        </dl>
      </article>`;
  };

  // ---- one entity, and the picture of all ----
  const Entity = ({ name }) => {
    const heading = useHeading(name);
    const entity = entities[name];
    const about = features.filter((feature) => feature.entity === name);
    return html`
      <article class="detail" aria-labelledby="feature-name">
        <h2 id="feature-name" tabindex="-1" ref=${heading}>${name}</h2>
        <p class="kind">an entity, version ${entity.version} · <a href="#/entities">all entities</a></p>
        <p class="lead">${said(entity.description)}</p>
        <dl>
          <dt>File</dt><dd><code>${entity.file}</code></dd>
          <dt>Primary key</dt><dd>${entity.primaryKey.join(", ")}</dd>
          <dt>Sources</dt><dd>${entity.sources.length ? html`<${Links} kind="source" names=${entity.sources} />` : "none"}</dd>
          <dt>Feature groups</dt><dd>${entity.groups.length ? html`<${Links} kind="group" names=${entity.groups} />` : "none"}</dd>
        </dl>
        <h3>Fields</h3>
        <${Listed} label="Fields" head=${FIELDS} rows=${entity.fields.map(lastSaid)} none="None are declared." />
        <h3>Relations</h3>
        <${Listed} label="Relations" head=${["To", "Kind", "What it is"]} none="None are declared."
          rows=${entity.relations.map(([to, kind, told]) => [html`<${Links} kind="entity" names=${[to]} />`, kind, said(told)])} />
        <h3>Features</h3>
        <${Listed} label="Features" head=${["Feature", "What it is"]} none="None are registered."
          rows=${about.map((feature) => [html`<a href=${hrefOf(feature)}>${feature.name}</a>`, said(feature.description)])} />
      </article>`;
  };

  const Entities = () => {
    const heading = useHeading("Entities");
    return html`
      <article class="detail" aria-labelledby="feature-name">
        <h2 id="feature-name" tabindex="-1" ref=${heading}>Entities</h2>
        <p class="lead">What features are about, and how these things relate to each other.</p>
        ${diagram
          ? html`<div class="scroll" tabindex="0" role="region" aria-label="Picture of the entities, scrolls sideways">
              <img class="picture" src="entities.svg" alt="The entities with their fields and relations; listed as text below" /></div>`
          : html`<p class="none">The picture needs Graphviz where the site is built: install it, then build this site again.</p>`}
        <h3>As text</h3>
        <${Listed} label="Entities" head=${["Entity", "What it is", "Relates to"]} none="None are registered."
          rows=${Object.entries(entities).map(([name, entity]) => [html`<${Links} kind="entity" names=${[name]} />`, said(entity.description),
            entity.relations.map(([to, kind]) => `${to} (${kind})`).join(", ") || "nothing"])} />
      </article>`;
  };

  // ---- one transformer ----
  const Transformer = ({ name }) => {
    const heading = useHeading(name);
    const transformer = transformers[name];
    const [first, ...rest] = transformer.description.split("\n\n");
    return html`
      <article class="detail" aria-labelledby="feature-name">
        <h2 id="feature-name" tabindex="-1" ref=${heading}>${name}</h2>
        <p class="kind">a transformer</p>
        <p class="lead">${said(first)}</p>
        ${rest.map((text) => html`<p class="text">${text}</p>`)}
        <h3>Parameters</h3>
        <${Listed} label="Parameters" head=${["Parameter", "", "What it is"]} rows=${transformer.params.map(lastSaid)} none="It takes none." />
        <h3>Jobs that use it</h3>
        ${transformer.jobs.length ? html`<p><${Links} kind="job" names=${transformer.jobs} /></p>` : html`<p class="none">No job of this project.</p>`}
      </article>`;
  };

  // ---- an address without a page ----
  const Missing = ({ name }) => {
    const heading = useHeading("Page not found", name);
    const near = search.search(name, { combineWith: "OR", fuzzy: 0.3 }).slice(0, 5).map((hit) => thingById.get(hit.id));
    return html`
      <article class="detail" aria-labelledby="feature-name">
        <h2 id="feature-name" tabindex="-1" ref=${heading}>Page not found</h2>
        <p class="lead">This site has no page of <code>${name}</code>. It may have had one in an earlier build.</p>
        ${near.length > 0 && html`<h3>Did you mean</h3>
        <ul>${near.map((thing) => html`<li key=${thing.id}><a href=${thing.href}>${thing.name}</a> · ${thing.about}</li>`)}</ul>`}
        <p><a href="#/">To the overview</a></p>
      </article>`;
  };

  const Code = ({ title, text, id = "sql" }) => html`
    <h3 id=${id}>${title}</h3>
    ${text
      ? html`<pre tabindex="0" role="region" aria-label=${title}>${text}</pre>`
      : html`<p class="none">No job computes it.</p>`}`;

  const ofEntities = new Set(features.map((feature) => feature.entity));
  const Welcome = () => html`
    <article class="detail">
      <h2 id="feature-name" tabindex="-1">${features.length} features of ${ofEntities.size} ${ofEntities.size === 1 ? "entity" : "entities"}</h2>
      <p class="lead">Choose a feature: what it means, how it is computed, what it is made of, which jobs use it, and what its values look like. Jobs,
        feature groups, sources, entities and transformers have pages too.</p>
      <h3>Jobs</h3>
      <div class="scroll" tabindex="0" role="region" aria-label="Jobs"><table>
        <thead><tr><th scope="col">Job</th><th scope="col">What for</th><th scope="col">Source</th><th scope="col">Last run</th></tr></thead>
        <tbody>${Object.entries(jobs).map(([name, job]) => html`<tr><td><a href=${hrefTo("job", name)}>${name}</a><br /><code>${job.file}</code></td><td>${said(job.description)}</td><td><${Links} kind="source" names=${job.source.split(", ")} /></td>
          <td>${when(job.finished) || "not run here"}</td></tr>`)}</tbody>
      </table></div>
      ${Object.keys(groups).length > 0 && html`<h3>Feature groups</h3>
      <div class="scroll" tabindex="0" role="region" aria-label="Feature groups"><table>
        <thead><tr><th scope="col">Group</th><th scope="col">What for</th><th scope="col">Entity</th><th scope="col">Owner</th></tr></thead>
        <tbody>${Object.entries(groups).map(([name, group]) => html`<tr key=${name}><td><a href=${hrefTo("group", name)}>${name}</a></td>
          <td>${said(group.description)}</td><td>${group.entity}</td><td>${group.owner}</td></tr>`)}</tbody>
      </table></div>`}
      <h3>Looks ahead of its row</h3>
      <${Listed} label="Looks ahead" none="No feature of a job." head=${["Feature", "In the jobs"]} rows=${features.filter((each) => aheadIn(each).length).map((each) =>
        [html`<a href=${hrefOf(each)}>${each.name}</a>`, html`<${Links} kind="job" names=${aheadIn(each)} />`])} />
      ${Object.keys(sources).length > 0 && html`<h3>Sources</h3>
      <${Listed} label="Sources" head=${["Source", "What it is", "Owner", "Freshness"]} rows=${Object.entries(sources).map(([name, source]) =>
        [html`<${Links} kind="source" names=${[name]} />`, said(source.description), source.owner, source.freshness])} />`}
    </article>`;

  const PAGES = { group: Group, job: Job, source: Source, entity: Entity, entities: Entities, transformer: Transformer, missing: Missing };

  const App = () => {
    const [{ kind, name, feature }, setSelected] = useState(fromHash());
    useLayoutEffect(() => {
      const follow = () => setSelected(fromHash());
      addEventListener("hashchange", follow);
      return () => removeEventListener("hashchange", follow);
    }, []);
    return html`
      <a class="skip" href="#feature-name" onClick=${(event) => { event.preventDefault(); document.getElementById("feature-name").focus(); }}>Skip to the page</a>
      <header class="bar">
        <h1>Feature catalogue</h1>
        <nav aria-label="Other pages">
          <a href="#/">Overview</a>
          <a href="#/entities">Entities</a>
          <a href="dbt.html#!/overview?g_v=1">dbt lineage graph</a>
          <a href="dbt.html">dbt docs</a>
        </nav>
      </header>
      <main class="columns">
        <${Finder} selected=${feature ? hrefOf(feature) : name && kind !== "missing" ? hrefTo(kind, name) : undefined} />
        ${kind === "feature" ? html`<${Detail} feature=${feature} key=${feature.id} />` : kind ? html`<${PAGES[kind]} name=${name} key=${`${kind}:${name}`} />`
          : html`<${Welcome} />`}
      </main>`;
  };

  render(html`<${App} />`, document.getElementById("app"));
})();
