// JSON in text columns. The caller says what shape it wrote; nothing else writes these columns.

/** The text of `value` for a JSON column. */
export function toJson(value: unknown): string {
  return JSON.stringify(value)
}

/** The value of a JSON column, or `otherwise` for null. */
export function fromJson<T>(text: string | null, otherwise: T): T {
  return text === null ? otherwise : JSON.parse(text) as T
}
