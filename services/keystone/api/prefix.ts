// Where the listener carries Keystone, besides the root (`/v3`), where some clients expect it.
export const PREFIX = '/identity'
