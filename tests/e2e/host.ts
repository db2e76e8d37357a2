// What of a cloud is on a host: everything it makes carries its id.
import { run } from './cloud.ts'

/** Processes, links, namespaces, tables and run directories of the cloud, a line each; empty when the host is clean. `within` begins the commands that look at another host. */
export async function tracesOf(cloud: string, within: readonly string[] = []): Promise<string[]> {
  const look = async (...command: string[]) => (await run([...within, ...command][0]!, [...within, ...command].slice(1))).stdout
  const [processes, links, namespaces, tables, runs] = await Promise.all([
    look('pgrep', '-af', cloud), look('ip', '-o', 'link'), look('ip', 'netns', 'list'), look('nft', 'list', 'tables'), look('sh', '-c', 'ls /run/alto 2>/dev/null'),
  ])
  const lines = (text: string, kind: string) => text.split('\n').filter(line => line.includes(cloud) && !line.includes('pgrep')).map(line => `${kind}: ${line}`)
  return [...lines(processes, 'process'), ...lines(links, 'link'), ...lines(namespaces, 'namespace'), ...lines(tables, 'table'), ...lines(runs, 'run directory')]
}
