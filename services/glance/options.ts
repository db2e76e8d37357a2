// Glance's options.
import { option, section } from '@alto/kit/config'

export const glanceOptions = section('glance', [
  option({ name: 'image_size_cap', type: 'integer', default: 1_099_511_627_776, min: 1, meaning: 'Bytes that one image may have.', upstream: '[DEFAULT] image_size_cap' }),
  option({ name: 'user_storage_quota', type: 'integer', default: 0, min: 0, meaning: 'Bytes that the images of one project may have together; 0: any number.', upstream: '[DEFAULT] user_storage_quota' }),
  option({ name: 'image_property_quota', type: 'integer', default: 128, min: -1, meaning: 'Properties that an image may have; -1: any number.', upstream: '[DEFAULT] image_property_quota' }),
  option({ name: 'image_tag_quota', type: 'integer', default: 128, min: -1, meaning: 'Tags that an image may have; -1: any number.', upstream: '[DEFAULT] image_tag_quota' }),
  option({ name: 'image_member_quota', type: 'integer', default: 128, min: -1, meaning: 'Projects with which an image may be shared; -1: any number.', upstream: '[DEFAULT] image_member_quota' }),
  option({ name: 'limit_param_default', type: 'integer', default: 25, min: 1, meaning: 'Images on a page when the client names no limit.', upstream: '[DEFAULT] limit_param_default' }),
  option({ name: 'api_limit_max', type: 'integer', default: 1000, min: 1, meaning: 'Images on a page at most.', upstream: '[DEFAULT] api_limit_max' }),
  option({ name: 'require_image_format_match', type: 'boolean', default: true, meaning: 'Refuse bytes that are not of the disk format that their image names. What is unsafe to open is refused in any case.', upstream: '[image_format] require_image_format_match' }),
])
