// Machines in tests: network namespaces that a driver takes for its machine, so that one process can act on several hosts.
import { addNamespace, commandHost, namespaceCommands, removeNamespace, type Host, type NamespaceCommands } from '@alto/kit/host'
import { systemClock } from '@alto/kit/clock'
import { systemIds } from '@alto/kit/ids'

/** A machine: what a driver is made from to act on it; leaving the scope takes it away. */
export interface Machine extends AsyncDisposable {
  /** Its namespace. */
  readonly netns: string
  readonly host: Host
  readonly commands: NamespaceCommands
}

/** A machine with nothing but a loopback. */
export async function makeMachine(): Promise<Machine> {
  const netns = `machine-${systemIds.hex().slice(0, 8)}`
  await addNamespace(commandHost, netns)
  const commands = namespaceCommands(commandHost, systemClock)
  return {
    netns,
    host: { run: (argv, opts = {}) => commandHost.run(argv, { ...opts, netns: opts.netns === undefined || opts.netns === '' ? netns : opts.netns }) },
    commands: { ...commands, ip: (place, lines, opts) => commands.ip(place || netns, lines, opts), nft: (place, lines) => commands.nft(place || netns, lines) },
    async [Symbol.asyncDispose]() {
      await commands.close()
      await removeNamespace(commandHost, netns)
    },
  }
}

/** Two machines with nothing between them but a wire (MTU 1500), each with its address on it (of 192.0.2.0/24). */
export async function wired(addresses: readonly [string, string]): Promise<[Machine, Machine]> {
  const machines: [Machine, Machine] = [await makeMachine(), await makeMachine()]
  await machines[0].commands.ip('', [`link add name wire type veth peer name wire netns ${machines[1].netns}`])
  for (const [i, machine] of machines.entries()) await machine.commands.ip('', [`address add ${addresses[i]}/24 dev wire`, 'link set dev wire up'])
  return machines
}
