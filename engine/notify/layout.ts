/** A mail's content, without any markup: both of its forms are made of the same blocks, and escaping has one place. */
export type Block =
  | { readonly kind: "paragraph"; readonly text: string }
  | { readonly kind: "heading"; readonly text: string }
  | { readonly kind: "facts"; readonly rows: readonly (readonly [name: string, value: string])[] }
  | { readonly kind: "list"; readonly items: readonly string[] }
  /** Lines that somebody else wrote, as they came. */
  | { readonly kind: "log"; readonly lines: readonly string[] }
  | { readonly kind: "link"; readonly label: string; readonly url: string };

/** ANSI colours, then every control character but tab and newline, and those that turn the direction of writing. */
const UNSEEN = /\x1b\[[0-9;?]*[A-Za-z]|[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** Text from outside as a mail may show it: what it says and nothing that acts on the reader's program. */
export const visible = (text: string): string => text.replace(/\r\n?/g, "\n").replace(UNSEEN, "");

/** The same on one line, for a subject or a label. */
export const visibleLine = (text: string): string => visible(text).replace(/\s+/g, " ").trim();

/** The plain text part. */
export function toText(blocks: readonly Block[]): string {
  const parts = blocks.map((block): string => {
    switch (block.kind) {
      case "paragraph":
        return visible(block.text);
      case "heading":
        return `${visibleLine(block.text)}\n${"-".repeat(visibleLine(block.text).length)}`;
      case "facts": {
        const width = Math.max(...block.rows.map(([name]) => name.length));
        const indent = " ".repeat(width + 2);
        return block.rows
          .map(([name, value]) => `${`${name}:`.padEnd(width + 2)}${visible(value).replaceAll("\n", `\n${indent}`)}`)
          .join("\n");
      }
      case "list":
        return block.items.map((item) => `  - ${visible(item).replaceAll("\n", "\n    ")}`).join("\n");
      case "log":
        return block.lines.map((line) => `  | ${visible(line).replaceAll("\n", "\n  | ")}`).join("\n");
      case "link":
        return `${visibleLine(block.label)}: ${visibleLine(block.url)}`;
    }
  });
  return `${parts.join("\n\n")}\n`;
}

/** The HTML part: inline styles only, nothing that is loaded from anywhere. */
export function toHtml(title: string, blocks: readonly Block[]): string {
  const body = blocks.map(htmlOf).join("\n");
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(visibleLine(title))}</title></head>
<body style="font: 14px/1.5 sans-serif; color: #1c2430; max-width: 48em; margin: 1.5em">
${body}
</body></html>
`;
}

function htmlOf(block: Block): string {
  switch (block.kind) {
    case "paragraph":
      return `<p style="white-space: pre-wrap">${escaped(visible(block.text))}</p>`;
    case "heading":
      return `<h2 style="font-size: 16px; margin: 1.5em 0 0.3em">${escaped(visibleLine(block.text))}</h2>`;
    case "facts":
      return `<table style="border-collapse: collapse">${block.rows
        .map(
          ([name, value]) =>
            `<tr><th style="text-align: left; vertical-align: top; padding: 2px 1.2em 2px 0; font-weight: normal; color: #5b6777">${escaped(name)}</th><td style="white-space: pre-wrap; padding: 2px 0">${escaped(visible(value))}</td></tr>`,
        )
        .join("")}</table>`;
    case "list":
      return `<ul>${block.items.map((item) => `<li style="white-space: pre-wrap">${escaped(visible(item))}</li>`).join("")}</ul>`;
    case "log":
      return `<pre style="background: #f3f5f8; padding: 0.8em; overflow-x: auto">${escaped(visible(block.lines.join("\n")))}</pre>`;
    case "link": {
      const [label, url] = [visibleLine(block.label), visibleLine(block.url)];
      // Another scheme may run something: it is shown and cannot be followed.
      if (!/^https?:\/\//i.test(url)) return `<p>${escaped(label)}: ${escaped(url)}</p>`;
      return `<p><a href="${escaped(url)}">${escaped(label)}</a></p>`;
    }
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? "");
