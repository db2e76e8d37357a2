// Keystone's options.
import { option, section } from '@alto/kit/config'

export const keystoneOptions = section('keystone', [
  option({ name: 'token_expiration', type: 'integer', default: 3600, min: 1, meaning: 'Seconds that a token is valid.', upstream: '[token] expiration' }),
  option({ name: 'max_active_keys', type: 'integer', default: 3, min: 1, meaning: 'Token keys that are kept, the staged and the primary one among them.', upstream: '[fernet_tokens] max_active_keys' }),
  option({ name: 'password_hash_rounds', type: 'integer', default: 12, min: 4, max: 31, meaning: 'Cost of a bcrypt hash: 2 to the power of it.', upstream: '[identity] password_hash_rounds' }),
])
