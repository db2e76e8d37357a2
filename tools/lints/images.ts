// qemu-img reads files that guests write: it runs through the one sandboxed wrapper, kit/disk, with the format always named.
import { isTestOrTool, matches, type Lint } from './lint.ts'

/** The program's name as text outside kit/disk. */
export const images: Lint = {
  name: 'images',
  check: files => files.filter(file => file.path.endsWith('.ts') && !file.path.startsWith('kit/disk/') && !isTestOrTool(file.path))
    .flatMap(file => matches(file, /['"`](?:\/usr\/bin\/)?qemu-(?:img|nbd|io)['"`]/gm, match => `${match[0]}: use @alto/kit/disk`, 'text')),
  refuses: [{ 'services/glance/driver/a.ts': 'await host.run([\'qemu-img\', \'info\', path])\n' }],
  accepts: [{ 'kit/disk/images.ts': 'await host.run([\'qemu-img\', \'info\', path])\n' }],
}
