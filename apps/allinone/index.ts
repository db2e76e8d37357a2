// Everything in one process: laptop, tests, small sites.
export { cloudsYaml } from './client-files.ts'
export { startCloud, type Cloud, type CloudOptions, type CloudStatus } from './cloud.ts'
export { askControl, serveControl } from './control.ts'
export { isHeld, openDataDirectory, STATE, writeJson, writePrivate, type DataDirectory } from './data-directory.ts'
export { sections, services, type Member } from './sections.ts'
