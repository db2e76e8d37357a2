// Consoles: which there are, and the tokens that open them.

/** What a driver knows a console by. */
export type ConsoleKind = 'vnc' | 'serial'

/** The right to connect to a server's console where the server was when it was asked for, until it is stopped, moved or deleted. Its token is known to whom it was given. */
export interface ConsoleToken {
  /** SHA-256 of the token, in hexadecimal. */
  readonly hash: string
  readonly serverId: string
  readonly host: string
  readonly kind: ConsoleKind
  /** Milliseconds. */
  readonly createdAt: number
  readonly expiresAt: number
}

/** Upstream's protocols, and the one type of each that can be had here; those without a kind are nowhere to be had. */
const PROTOCOLS: Readonly<Record<string, { type: string, kind?: ConsoleKind }>> = {
  vnc: { type: 'novnc', kind: 'vnc' }, serial: { type: 'serial', kind: 'serial' }, spice: { type: 'spice-html5' }, rdp: { type: 'rdp-html5' }, mks: { type: 'webmks' },
}

/** The console that protocol and type name, or what is wrong with them, in upstream's words. */
export function consoleOf(protocol: string, type: string): { kind: ConsoleKind } | { objection: string } {
  const known = PROTOCOLS[protocol]
  if (!known?.kind) return { objection: `Unavailable console type ${type}.` }
  return known.type === type ? { kind: known.kind } : { objection: `Invalid console type ${type}` }
}

/** Where a client opens a console: `base` (a URL) with the token; terminals are websockets from the start, as upstream's are. */
export function consoleUrl(base: string, kind: ConsoleKind, token: string): string {
  const url = new URL(base)
  url.searchParams.set('token', token)
  return kind === 'serial' ? url.href.replace(/^http/, 'ws') : url.href
}
