// OpenStack's idioms: tokens as credentials, asking other services, paging and links, statuses of refusals.
export { credentialsFromToken, type TokenBody } from './token.ts'
export { remoteAuthenticator } from './authenticator.ts'
export { serviceSession, type ServiceSession } from './session.ts'
export { restClient, type Caller, type RestAnswer, type RestCall, type RestClient } from './rest.ts'
export { linkWith, pageLimit, sortKeys, type SortRequest } from './paging.ts'
export { statusOf, type StatusTable } from './status.ts'
