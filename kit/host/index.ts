// The only place that runs commands. Argument arrays, never shell strings; every command has a deadline and may have limits.
export { commandHost, type CommandLimits, type Host, type RunOptions, type RunResult } from './run.ts'
export { recordingHost, type RecordingHost } from './recording.ts'
export { daemonOf, endProcess, identify, isAlive, processesWith, signal, type ProcessIdentity, type ProcessSighting } from './process.ts'
export { addNamespace, inNamespace, listNamespaces, namespaceOf, removeNamespace } from './namespaces.ts'
export { namespaceCommands, readAddresses, readLinks, type LinkSeen, type NamespaceCommands } from './namespace-commands.ts'
export { listenIn } from './listening.ts'
export { startDaemon, type StartedDaemon } from './daemon.ts'
export { startPiped, type Piped, type PipedOptions } from './piped.ts'
