// What a user's clients read: clouds.yaml and openrc in the data directory.
import type { Secrets } from './data-directory.ts'

/** clouds.yaml with the clouds alto (demo), alto-admin and alto-system-admin. `base` is the listener's URL. */
export function cloudsYaml(base: string, secrets: Pick<Secrets, 'adminPassword' | 'demoPassword'>): string {
  const cloud = (name: string, user: string, password: string, scope: readonly string[]) => [
    `  ${name}:`, '    region_name: RegionOne', '    identity_api_version: 3', '    auth:', `      auth_url: ${base}/identity`, `      username: ${user}`, `      password: ${quoted(password)}`,
    '      user_domain_name: Default', ...scope.map(line => `      ${line}`),
  ]
  return ['clouds:',
    ...cloud('alto', 'demo', secrets.demoPassword, ['project_name: demo', 'project_domain_name: Default']),
    ...cloud('alto-admin', 'admin', secrets.adminPassword, ['project_name: admin', 'project_domain_name: Default']),
    ...cloud('alto-system-admin', 'admin', secrets.adminPassword, ['system_scope: all']), '',
  ].join('\n')
}

/** openrc for the demo user, or with `admin` as its first argument for the admin. */
export function openrc(base: string, secrets: Secrets): string {
  const shell = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  return `# . openrc [demo|admin]
if [ "\${1:-demo}" = admin ]; then
  export OS_USERNAME=admin OS_PROJECT_NAME=admin OS_PASSWORD=${shell(secrets.adminPassword)}
else
  export OS_USERNAME=demo OS_PROJECT_NAME=demo OS_PASSWORD=${shell(secrets.demoPassword)}
fi
export OS_AUTH_URL=${base}/identity OS_IDENTITY_API_VERSION=3 OS_REGION_NAME=RegionOne
export OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default OS_INTERFACE=public
unset OS_CLOUD OS_TOKEN OS_SYSTEM_SCOPE
`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
