// What a process of a larger site is told: where its database and Keystone are, what it listens on, and whom it acts as.
import { option, section } from '@alto/kit/config'

export const siteOptions = section('site', [
  option({ name: 'listen', type: 'string', default: '127.0.0.1:5000', meaning: 'HOST:PORT of this process\'s listener.' }),
  option({ name: 'public_url', type: 'string', default: null, meaning: 'The URL under which clients reach the site; what they named when not given.' }),
  option({ name: 'database', type: 'string', default: null, secret: true, meaning: 'The PostgreSQL server: postgres://USER:PASSWORD@HOST/NAME. Each service has a schema there.' }),
  option({ name: 'data', type: 'string', default: 'var', meaning: 'The directory of what is no row: token keys, image bytes, policy files. Processes of one service share it.' }),
  option({ name: 'identity_url', type: 'string', default: null, meaning: 'Keystone\'s endpoint, for processes that do not carry it: http://HOST:PORT/identity.' }),
  option({ name: 'service_password', type: 'string', default: null, secret: true, meaning: 'The password of the service users (glance, placement), which Keystone\'s process makes.' }),
  option({ name: 'admin_password', type: 'string', default: null, secret: true, meaning: 'The password of the user admin, which Keystone\'s process makes.' }),
])
