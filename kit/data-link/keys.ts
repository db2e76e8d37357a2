// The keys of links between hosts: none is stored or travels, both ends derive them from the site's data secret.
import { createHmac } from 'node:crypto'

/** The key of a link, 32 bytes: HMAC-SHA256 of `identity`, which names what it is for (`volume/ATTACHMENT_ID`, `console/NONCE`), under the site's data secret. */
export function linkKey(secret: string, identity: string): Buffer {
  return createHmac('sha256', secret).update(identity).digest()
}
