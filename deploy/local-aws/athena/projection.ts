import { QueryError } from "./query-error.ts";

/** Whether a partition's value is one that the table's projection makes. Properties as Athena's TBLPROPERTIES. */
export function inRange(
  properties: Readonly<Record<string, string>>,
  key: string,
  value: string,
  now: number,
): boolean {
  const property = (name: string): string | undefined => properties[`projection.${key}.${name}`];
  const type = property("type");
  switch (type) {
    case "enum":
      return (property("values") ?? "").split(",").some((one) => one.trim() === value);
    case "injected":
      return true;
    case "integer": {
      const [from = "", to = ""] = (property("range") ?? "").split(",");
      return /^\d+$/.test(value) && Number(value) >= Number(from) && Number(value) <= Number(to);
    }
    case "date": {
      const format = property("format") ?? "yyyy-MM-dd";
      const [from = "", to = ""] = (property("range") ?? "").split(",").map((bound) => bound.trim());
      const at = moment(value, format, now);
      const first = moment(from, format, now);
      const last = moment(to, format, now);
      if (first === null || last === null)
        throw new QueryError(`INVALID_TABLE_PROPERTY: projection.${key}.range is not of the format ${format}`);
      return at !== null && at >= first && at <= last;
    }
    default:
      throw new QueryError(`INVALID_TABLE_PROPERTY: projection.${key}.type is ${type ?? "missing"}`);
  }
}

const UNITS: Readonly<Record<string, number>> = { HOUR: 3_600_000, DAY: 86_400_000, WEEK: 604_800_000 };

/** A date of a format made of yyyy, MM, dd and HH, or NOW with an offset ("NOW-3DAYS"); null: it is neither. */
function moment(text: string, format: string, now: number): number | null {
  const relative = /^NOW(?:([+-]\d+)(HOUR|DAY|WEEK|MONTH|YEAR)S?)?$/.exec(text.replaceAll(" ", ""));
  if (relative) {
    const count = Number(relative[1] ?? "0");
    const unit = relative[2] ?? "DAY";
    const milliseconds = UNITS[unit];
    if (milliseconds !== undefined) return now + count * milliseconds;
    const date = new Date(now);
    if (unit === "MONTH") date.setUTCMonth(date.getUTCMonth() + count);
    else date.setUTCFullYear(date.getUTCFullYear() + count);
    return date.getTime();
  }
  const parts: string[] = [];
  const pattern = format.replace(/yyyy|MM|dd|HH|[^\w\s]/g, (piece) => {
    if (!/^\w+$/.test(piece)) return `\\${piece}`;
    parts.push(piece);
    return piece === "yyyy" ? "(\\d{4})" : "(\\d{2})";
  });
  const found = new RegExp(`^${pattern}$`).exec(text);
  if (found === null) return null;
  const part = (name: string, otherwise: number): number => {
    const index = parts.indexOf(name);
    return index < 0 ? otherwise : Number(found[index + 1]);
  };
  return Date.UTC(part("yyyy", 1970), part("MM", 1) - 1, part("dd", 1), part("HH", 0));
}
