// HTTP: routes as a table, and the one pipeline that every request of every service runs through.
export { t, type Schema, type Static } from './schema.ts'
export { answer, Answer, route, versioned, type AnyRoute, type RouteRule, type Versioned } from './route.ts'
export type { Dialect, Problem } from './dialect.ts'
export { atLeast, compareVersions, formatVersion, parseVersion, type MicroversionPolicy, type Version } from './microversion.ts'
export { serviceApp, type Authenticate, type HttpService } from './service.ts'
export { websocketTo, WebsocketAnswer } from './websocket.ts'
export { httpServer, type HttpServer, type HttpServerOptions } from './server.ts'
export { dispatchTo, firstAnswering, networkFetch, type Fetch, type FetchRequest, type FetchResponse } from './fetch.ts'
