// The page that a console's URL shows in a browser: a plain terminal for serial consoles. What a guest says gets onto it as text only, never as markup
// (OSSA-2026-006). It knows lines, backspace and clearing; other escape sequences are left out. It draws no screens: those take a VNC client for websockets.

export const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Console</title><link rel="stylesheet" href="console.css"></head>
<body>
<p id="state" role="status">connecting</p>
<pre id="screen" tabindex="0" aria-label="console"></pre>
<script src="console.js"></script>
</body>
</html>
`

export const STYLE = `body { margin: 0; background: #111; color: #ddd; font: 14px/1.3 monospace; display: flex; flex-direction: column; height: 100vh }
#state { margin: 0; padding: 4px 8px; background: #333 }
#screen { margin: 0; padding: 8px; flex: 1; overflow: auto; white-space: pre-wrap; word-break: break-all; outline: none }
`

/** The longest text that stays on the page, in characters. */
const KEPT = 100_000

export const SCRIPT = `'use strict'
const state = document.getElementById('state')
const screen = document.getElementById('screen')
const utf8 = new TextDecoder()
const bytes = new TextEncoder()
const socket = new WebSocket(location.href.replace(/^http/, 'ws'), ['binary'])
socket.binaryType = 'arraybuffer'
let text = ''
let begun = false
let pending = ''

function show(said) {
  const all = pending + said
  const cut = /\\x1b(\\[[0-9;?]*)?$/.exec(all)
  pending = cut ? cut[0] : ''
  for (const part of all.slice(0, all.length - pending.length).split(/(\\x1b\\[[0-9;?]*[@-~]|\\x1b[^[]|[\\b\\x07\\r])/)) {
    if (part === '\\b') text = text.slice(0, -1)
    else if (/^\\x1b\\[[23]?J$/.test(part)) text = ''
    else if (!/^[\\x1b\\x07\\r]/.test(part)) text += part
  }
  text = text.slice(-${KEPT})
  screen.textContent = text
  screen.scrollTop = screen.scrollHeight
}

const KEYS = { Enter: '\\r', Backspace: '\\x7f', Tab: '\\t', Escape: '\\x1b', ArrowUp: '\\x1b[A', ArrowDown: '\\x1b[B', ArrowRight: '\\x1b[C', ArrowLeft: '\\x1b[D', Delete: '\\x1b[3~' }
function send(said) { if (socket.readyState === WebSocket.OPEN) socket.send(bytes.encode(said)) }

socket.onopen = () => { state.textContent = 'connected'; screen.focus() }
socket.onclose = () => { if (state.textContent !== 'not a terminal') state.textContent = begun ? 'the console has ended' : 'the console cannot be opened: its token has ended, or the server does not run' }
socket.onmessage = event => {
  const said = utf8.decode(event.data, { stream: true })
  if (!begun && said.startsWith('RFB ')) {
    state.textContent = 'not a terminal'
    screen.textContent = 'This is a screen. Open the address of this page with a VNC client for websockets, such as noVNC.'
    socket.close()
    return
  }
  begun = true
  show(said)
}
screen.addEventListener('keydown', event => {
  const control = event.ctrlKey && !event.altKey && !event.metaKey && /^[a-z@[\\\\\\]^_]$/i.test(event.key) ? String.fromCharCode(event.key.toUpperCase().charCodeAt(0) & 31) : undefined
  const said = control ?? KEYS[event.key] ?? (event.key.length === 1 && !event.ctrlKey && !event.metaKey ? event.key : undefined)
  if (said === undefined || (event.ctrlKey && event.shiftKey)) return
  event.preventDefault()
  send(said)
})
screen.addEventListener('paste', event => { event.preventDefault(); send(event.clipboardData.getData('text')) })
`
