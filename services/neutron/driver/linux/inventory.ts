// Everything on the host that carries this cloud's mark, whether or not anybody wants it: what the audit compares with the rows.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { listNamespaces, processesWith, readLinks } from '@alto/kit/host'
import type { MarkedThing } from '../network.ts'
import type { Context } from './context.ts'

/** The marked namespaces, links, tables, processes and files of this host of this cloud. */
export async function inventory(context: Context): Promise<MarkedThing[]> {
  const namespaces = await listNamespaces()
  const things = [
    await Promise.all(namespaces.filter(name => /^q(dhcp|router)-/.test(name)).map(name => markedNamespace(context, name))),
    namespaces.includes(context.netns) ? [thing('namespace', '', context.netns, { kind: 'cloud' }), ...await markedLinks(context, context.netns)] : [],
    await markedLinks(context, ''),
    await tables(context),
    (await processesWith(join(context.runDirectory, 'dhcp/'))).map(p => thing('process', '', String(p.pid), networkIn(p.argv.join(' '), context))),
    (await entries(join(context.runDirectory, 'dhcp'))).map(id => thing('file', '', join(context.runDirectory, 'dhcp', id), { kind: 'network', id })),
  ]
  return things.flat(2).filter(found => found !== undefined)
}

function thing(kind: MarkedThing['kind'], place: string, name: string, belongsTo: MarkedThing['belongsTo']): MarkedThing {
  return { kind, place, name, belongsTo }
}

async function markedNamespace(context: Context, name: string): Promise<MarkedThing | undefined> {
  const loopback = (await readLinks(context.host, name).catch(() => [])).find(link => link.ifname === 'lo')       // it may go while we look
  if (loopback?.ifalias !== context.mark) return undefined
  const [, kind, id] = /^q(dhcp|router)-(.*)$/.exec(name)!
  return thing('namespace', '', name, { kind: kind === 'dhcp' ? 'network' : 'router', id: id! })
}

async function markedLinks(context: Context, netns: string): Promise<MarkedThing[]> {
  const links = (await readLinks(context.host, netns)).filter(link => link.ifname !== 'lo' && link.ifalias?.split(' ')[0] === context.mark)
  return links.map(({ ifname }) => {
    const [, kind, id] = /^(tap|brq|up|vx|x[0-9a-f]{8}-)(.*)$/.exec(ifname) ?? []
    return thing('link', netns, ifname, id === undefined ? { kind: 'cloud' } : { kind: kind === 'tap' ? 'port' : 'network', id })
  })
}

async function tables(context: Context): Promise<MarkedThing[]> {
  const { stdout } = await context.host.run(['nft', '-j', 'list', 'tables'])
  const rows = (JSON.parse(stdout || '{}') as { nftables?: { table?: { family: string, name: string } }[] }).nftables ?? []
  return rows.flatMap(({ table }) => table?.name === context.mark ? [thing('table', '', `${table.family} ${table.name}`, { kind: 'cloud' })] : [])
}

function networkIn(argv: string, context: Context): MarkedThing['belongsTo'] {
  const id = argv.split(join(context.runDirectory, 'dhcp/'))[1]?.split('/')[0]
  return id === undefined ? { kind: 'cloud' } : { kind: 'network', id }
}

async function entries(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
