// The known name closest to one that is not known, by edits (Levenshtein's distance): for "did you mean".

/** The member of `known` with the fewest edits from `name`, undefined when even that has more than half of its letters changed. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known.map(one => ({ one, edits: edits(name, one) })).toSorted((a, b) => a.edits - b.edits)
  return best && best.edits <= Math.max(name.length, best.one.length) / 2 ? best.one : undefined
}

function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1))
    row = next
  }
  return row[to.length]!
}
