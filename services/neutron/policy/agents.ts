// Who may see and steer agents, availability zones and address use.
import { rule } from '@alto/kit/policy'

export const GET_AGENT = rule({ name: 'get_agent', check: 'rule:admin_only', operations: ['GET /agents', 'GET /agents/{id}'], description: 'Get agent' })
export const UPDATE_AGENT = rule({ name: 'update_agent', check: 'rule:admin_only', operations: ['PUT /agents/{id}'], description: 'Update agent' })
export const DELETE_AGENT = rule({ name: 'delete_agent', check: 'rule:admin_only', operations: ['DELETE /agents/{id}'], description: 'Delete agent' })
export const GET_AVAILABILITY_ZONE = rule({ name: 'get_availability_zone', check: 'role:reader', legacy: 'rule:regular_user', operations: ['GET /availability_zones'], description: 'Get availability zone' })
export const GET_NETWORK_IP_AVAILABILITY = rule({ name: 'get_network_ip_availability', check: '(rule:admin_only) or (rule:service_api)', legacy: 'rule:admin_only', operations: ['GET /network-ip-availabilities', 'GET /network-ip-availabilities/{network_id}'], description: 'Get network ip availability' })
