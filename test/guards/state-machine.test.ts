import { expect, test } from "vitest";
import { isTransition, TASK_TRANSITIONS } from "../../engine/core/machine/transitions.ts";
import { isFinished, TASK_STATES } from "../../engine/core/states.ts";

/** docs/state-machine.md, as the table says it. */
function page(): string {
  const edges = TASK_STATES.flatMap((from) =>
    TASK_STATES.flatMap((to) => {
      const why = TASK_TRANSITIONS[from][to];
      return why === undefined ? [] : [{ from, to, why }];
    }),
  );
  const byItself = edges.filter(
    ({ from, to, why }) => !isFinished(from) && to !== "removed" && !why.startsWith("a person"),
  );
  const rows = edges.map(({ from, to, why }) => `| \`${from}\` | \`${to}\` | ${why} |`);
  return `# States of a task instance

This page is made from \`engine/core/machine/transitions.ts\` (\`npx vitest run --project unit -u test/guards/state-machine.test.ts\`).
A change of state that is not in that table is a bug: the decision is dropped and its run put aside.

Final: ${TASK_STATES.filter(isFinished)
    .map((state) => `\`${state}\``)
    .join(", ")}. Only a person, or the loss of what a task had set up, moves one of these again.

## What happens by itself

\`\`\`mermaid
stateDiagram-v2
  [*] --> none
${byItself.map(({ from, to }) => `  ${from} --> ${to}`).join("\n")}
\`\`\`

## Every transition

| from | to | why |
| --- | --- | --- |
${rows.join("\n")}
`;
}

test("docs/state-machine.md is what the transition table says (npx vitest run -u test/guards writes it anew)", async () => {
  await expect(page()).toMatchFileSnapshot("../../docs/state-machine.md");
});

test("a task that has ended goes nowhere by itself but into a fresh start", () => {
  for (const from of TASK_STATES.filter(isFinished)) {
    for (const to of ["queued", "up_for_retry"] as const) expect(isTransition(from, to)).toBe(false);
  }
});
