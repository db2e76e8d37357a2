// Everything in one process: laptop, tests, small sites. What the command line needs without a cloud (control, data directory) has doors of its own, so that it starts quickly.
export { cloudsYaml } from './client-files.ts'
export { startCloud, type Cloud, type CloudOptions, type CloudStatus } from './cloud.ts'
