// A DHCP client (RFC 2131) for tests, run inside a guest end's namespace: node dhcp-client.ts MAC MS. Prints the lease as JSON, or fails after MS milliseconds.
// It asks for broadcast answers, so that an interface without an address can take them by an ordinary socket.
import { createSocket } from 'node:dgram'

const mac = Buffer.from(process.argv[2]!.replaceAll(':', ''), 'hex')
const transaction = 0x616c746f
const socket = createSocket('udp4')

function packet(kind: number, more: readonly number[]): Buffer {
  const head = Buffer.alloc(240)
  head.set([1, 1, 6, 0])
  head.writeUInt32BE(transaction, 4)
  head.writeUInt16BE(0x8000, 10)
  mac.copy(head, 28)
  head.writeUInt32BE(0x63825363, 236)
  return Buffer.concat([head, Buffer.from([53, 1, kind, 55, 6, 1, 3, 6, 26, 121, 15, ...more, 255])])
}

function optionsOf(message: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>()
  for (let at = 240; at < message.length && message[at] !== 255;) {
    if (message[at] === 0) { at++; continue }
    const end = at + 2 + message[at + 1]!
    options.set(message[at]!, message.subarray(at + 2, end))
    at = end
  }
  return options
}

function addresses(bytes: Buffer | undefined): string[] {
  return Array.from({ length: (bytes?.length ?? 0) / 4 }, (_, i) => [...bytes!.subarray(4 * i, 4 * i + 4)].join('.'))
}

function routes(bytes: Buffer | undefined): string[] {
  const out: string[] = []
  for (let at = 0; at < (bytes?.length ?? 0);) {
    const width = bytes![at]!
    const octets = Math.ceil(width / 8)
    const destination = [...bytes!.subarray(at + 1, at + 1 + octets), 0, 0, 0, 0].slice(0, 4).join('.')
    out.push(`${destination}/${width} via ${[...bytes!.subarray(at + 1 + octets, at + 5 + octets)].join('.')}`)
    at += 5 + octets
  }
  return out
}

const send = (message: Buffer) => socket.send(message, 67, '255.255.255.255')
socket.on('message', message => {
  const options = optionsOf(message)
  if (message.readUInt32BE(4) !== transaction || message[0] !== 2) return
  const address = message.subarray(16, 20)
  if (options.get(53)?.[0] === 2) send(packet(3, [50, 4, ...address, 54, 4, ...options.get(54)!]))
  if (options.get(53)?.[0] === 5) {
    const mask = [...options.get(1)!].reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
    console.log(JSON.stringify({
      address: `${[...address].join('.')}/${mask}`, server: addresses(options.get(54))[0], dns: addresses(options.get(6)), router: addresses(options.get(3)),
      routes: routes(options.get(121)), mtu: options.get(26)?.readUInt16BE(0), domain: options.get(15)?.toString(),
    }))
    process.exit(0)
  }
})
socket.bind(68, '0.0.0.0', () => {
  socket.setBroadcast(true)
  send(packet(1, []))
  setInterval(() => send(packet(1, [])), 1000)
})
setTimeout(() => { console.error('no lease'); process.exit(1) }, Number(process.argv[3]))
