// Configuration: options declared as data, read from one file and the environment into typed values.
export { camelCase, environmentName, isHttpUrl, option, section, type Config, type Option, type Section, type Values } from './options.ts'
export { loadConfig, readConfig, type ConfigReading, type ConfigSource, type Setting } from './load.ts'
export { sampleConfig, showConfig } from './show.ts'
export { nearest } from './nearest.ts'
