/** The style of the documentation page: no font, image or script from anywhere; light and dark by preference. */
export const docsStyle = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #dde2e9; --paper: #ffffff; --panel: #f5f7fa;
  --get: #1f6feb; --post: #1a7f37; --patch: #9a6700; --delete: #cf222e; --code: #eef1f5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #97a3b3; --line: #2c3440; --paper: #11161d;
  --panel: #171e27; --get: #58a6ff; --post: #3fb950; --patch: #d29922; --delete: #f85149; --code: #1f2833; } }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); display: grid;
  grid-template-columns: 19rem minmax(0, 1fr); }
a { color: var(--get); }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem; background: var(--panel);
  border-right: 1px solid var(--line); font-size: 13px; }
nav strong { display: block; margin: 1.1rem 0 .3rem; }
nav a { display: block; padding: .12rem 0; color: var(--soft); text-decoration: none; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }
nav a:hover { color: var(--ink); }
main { padding: 2rem 3rem 6rem; max-width: 72rem; }
h1 { margin: 0 0 .3rem; font-size: 1.9rem; } h2 { margin: 3rem 0 .4rem; padding-top: .6rem; border-top: 1px solid var(--line); }
h3 { margin: 0; font-size: 1rem; font-weight: 600; } h4 { margin: 1rem 0 .3rem; font-size: .8rem; color: var(--soft);
  text-transform: uppercase; letter-spacing: .05em; }
p { margin: .5rem 0; } code, pre { font: 13px/1.45 ui-monospace, monospace; background: var(--code); border-radius: 4px; }
code { padding: .1em .3em; } pre { padding: .8rem 1rem; overflow-x: auto; }
.operation { margin: 1.2rem 0; border: 1px solid var(--line); border-radius: 8px; }
.operation > summary { display: flex; gap: .8rem; align-items: baseline; padding: .7rem 1rem; cursor: pointer; list-style: none; }
.operation > summary::-webkit-details-marker { display: none; }
.operation > summary .what { margin-left: auto; color: var(--soft); text-align: right; }
.operation > div { scroll-margin-top: 4rem; padding: 0 1rem 1rem; border-top: 1px solid var(--line); }
.method { font: 700 12px ui-monospace, monospace; min-width: 3.6rem; } .path { font: 13px ui-monospace, monospace; word-break: break-all; }
.get { color: var(--get); } .post { color: var(--post); } .patch { color: var(--patch); } .delete { color: var(--delete); }
table { border-collapse: collapse; width: 100%; font-size: 14px; } td, th { text-align: left; vertical-align: top;
  padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); } th { color: var(--soft); font-weight: 600; }
ul.fields { list-style: none; margin: .2rem 0; padding-left: 1rem; border-left: 2px solid var(--line); font-size: 14px; }
ul.fields ul.fields { margin-left: .2rem; } .type { color: var(--soft); } .required { color: var(--delete); font-size: 12px; }
@media (max-width: 60rem) { body { display: block; } nav { position: static; height: auto; } main { padding: 1.5rem 1rem; }
  .operation > summary { flex-wrap: wrap; } .operation > summary .what { margin-left: 0; width: 100%; text-align: left; } }
@media print { nav { display: none; } body { display: block; } }
`;
