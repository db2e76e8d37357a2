import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consoleOf, consoleUrl } from './consoles.ts'

test('a protocol has one type of console, and upstream\'s others are unavailable', () => {
  const asked = [['vnc', 'novnc'], ['serial', 'serial'], ['vnc', 'xvpvnc'], ['serial', 'novnc'], ['spice', 'spice-html5'], ['mks', 'webmks']] as const
  assert.deepEqual(asked.map(([protocol, type]) => consoleOf(protocol, type)), [
    { kind: 'vnc' }, { kind: 'serial' }, { objection: 'Invalid console type xvpvnc' }, { objection: 'Invalid console type novnc' }, { objection: 'Unavailable console type spice-html5.' }, { objection: 'Unavailable console type webmks.' },
  ])
})

test('a screen is opened by a page, a terminal by a websocket, whatever the base is', () => {
  assert.equal(consoleUrl('http://cloud:5000/console/', 'vnc', 't'), 'http://cloud:5000/console/?token=t')
  assert.equal(consoleUrl('https://cloud/console/', 'serial', 't'), 'wss://cloud/console/?token=t')
  assert.equal(consoleUrl('https://panel.example/vnc.html?autoconnect=1', 'vnc', 't'), 'https://panel.example/vnc.html?autoconnect=1&token=t')
})
