/** A piece of SQL that means something, with the white space and comments that stand before it. */
export interface Token {
  readonly kind: "word" | "quoted" | "string" | "number" | "parameter" | "symbol";
  readonly before: string;
  readonly text: string;
}

const SPACE = /(?:\s+|--[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const PIECES: readonly (readonly [Token["kind"], RegExp])[] = [
  ["string", /'(?:[^']|'')*'/y],
  ["quoted", /"(?:[^"]|"")*"|`[^`]*`/y],
  ["number", /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y],
  ["word", /[#\p{L}_][\p{L}\p{N}_$]*/uy],
  ["symbol", /::|\|\||<=|>=|<>|!=|->>|->|=>/y],
  ["parameter", /:[A-Za-z_][A-Za-z0-9_]*/y],
  ["symbol", /[\s\S]/uy],
];

/** Splits SQL text; joined again by `textOf` it is the same text, but for white space at the very end. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(sql);
    if (found === null) return null;
    at += found[0].length;
    return found[0];
  };
  for (;;) {
    const before = take(SPACE) ?? "";
    if (at >= sql.length) return tokens;
    for (const [kind, pattern] of PIECES) {
      const text = take(pattern);
      if (text === null) continue;
      tokens.push({ kind, before, text });
      break;
    }
  }
}

export const textOf = (tokens: readonly Token[]): string => tokens.map((token) => token.before + token.text).join("");

/** Whether an unquoted word or a symbol is this one; keywords are compared without case. */
export const is = (token: Token | undefined, text: string): boolean =>
  token !== undefined && (token.kind === "word" || token.kind === "symbol") && token.text.toLowerCase() === text;

/** The value of a string literal or the name a quoted or plain identifier stands for (plain ones fold to lower case). */
export function valueOf(token: Token): string {
  if (token.kind === "string") return token.text.slice(1, -1).replaceAll("''", "'");
  if (token.kind === "quoted") return token.text.slice(1, -1).replaceAll('""', '"');
  return token.kind === "word" ? token.text.toLowerCase() : token.text;
}

/** The index just after the parenthesis that closes the one at `open`; the end when it is never closed. */
export function afterParenthesis(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    if (is(tokens[index], "(")) depth++;
    if (is(tokens[index], ")") && --depth === 0) return index + 1;
  }
  return tokens.length;
}

/** Splits at commas that stand in no parenthesis. */
export function splitAtCommas(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (is(token, "(")) depth++;
    if (is(token, ")")) depth--;
    if (depth === 0 && is(token, ",")) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.filter((part) => part.length > 0);
}

/** Reads a statement from left to right; `fail` makes the service's own syntax error. */
export class TokenReader {
  readonly tokens: readonly Token[];
  at = 0;
  private readonly fail: (near: string) => Error;

  constructor(tokens: readonly Token[], fail: (near: string) => Error) {
    this.tokens = tokens;
    this.fail = fail;
  }

  get done(): boolean {
    return this.at >= this.tokens.length;
  }

  peek(offset = 0): Token | undefined {
    return this.tokens[this.at + offset];
  }

  next(): Token {
    const token = this.tokens[this.at];
    if (token === undefined) throw this.fail("end of input");
    this.at++;
    return token;
  }

  /** Takes the words if all of them come next. */
  accept(...words: readonly string[]): boolean {
    if (!words.every((word, offset) => is(this.peek(offset), word))) return false;
    this.at += words.length;
    return true;
  }

  expect(...words: readonly string[]): void {
    if (!this.accept(...words)) throw this.error();
  }

  error(): Error {
    return this.fail(this.peek()?.text ?? "end of input");
  }

  string(): string {
    if (this.peek()?.kind !== "string") throw this.error();
    return valueOf(this.next());
  }

  name(): string {
    const kind = this.peek()?.kind;
    if (kind !== "word" && kind !== "quoted") throw this.error();
    return valueOf(this.next());
  }

  /** `a` or `a.b` or `a.b.c`. */
  qualifiedName(): string[] {
    const parts = [this.name()];
    while (this.accept(".")) parts.push(this.name());
    return parts;
  }

  /** What stands between the parenthesis that comes next and the one that closes it. */
  parenthesized(): Token[] {
    const open = this.at;
    this.expect("(");
    this.at = afterParenthesis(this.tokens, open);
    if (!is(this.tokens[this.at - 1], ")")) throw this.fail("end of input");
    return this.tokens.slice(open + 1, this.at - 1);
  }

  rest(): Token[] {
    const rest = this.tokens.slice(this.at);
    this.at = this.tokens.length;
    return rest;
  }
}
