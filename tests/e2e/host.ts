// What of a cloud is on this host: everything it makes carries its id.
import { readdir } from 'node:fs/promises'
import { run } from './real-cloud.ts'

/** Processes, links, namespaces, tables and run directories of the cloud, a line each; empty when the host is clean. */
export async function tracesOf(cloud: string): Promise<string[]> {
  const [processes, links, namespaces, tables, runs] = await Promise.all([
    run('pgrep', ['-af', cloud]), run('ip', ['-o', 'link']), run('ip', ['netns', 'list']), run('nft', ['list', 'tables']), readdir('/run/alto').catch(() => []),
  ])
  const lines = (text: string, kind: string) => text.split('\n').filter(line => line.includes(cloud) && !line.includes('pgrep')).map(line => `${kind}: ${line}`)
  return [
    ...lines(processes.stdout, 'process'), ...lines(links.stdout, 'link'), ...lines(namespaces.stdout, 'namespace'), ...lines(tables.stdout, 'table'),
    ...runs.filter(name => name.includes(cloud)).map(name => `run directory: ${name}`),
  ]
}
