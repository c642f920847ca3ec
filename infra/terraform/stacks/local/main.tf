# A host on your own Docker engine, for nothing: no account, no plugin, no secret.

terraform {
  required_version = ">= 1.4.0"
}

variable "name" {
  description = "The host's name."
  type        = string
  default     = "web"
}

variable "image" {
  description = "Docker image of the host's own container, the one with the sshd."
  type        = string
  default     = null
}

variable "env" {
  description = "Names of variables for that container; their values are those of this environment."
  type        = set(string)
  default     = []
}

variable "start_args" {
  description = "Arguments of `docker run` for that container, such as --publish=8000:8000."
  type        = list(string)
  default     = []
}

variable "ttl" {
  description = "A time to live, as in 4h or 3d; changed in place."
  type        = string
  default     = null
}

module "host" {
  source = "../../modules/host"

  provider_name = "local"
  name          = var.name
  image         = var.image
  env           = var.env
  start_args    = var.start_args
  ttl           = var.ttl
}

output "address" {
  description = "The VPS's IP address."
  value       = module.host.address
}

output "ssh" {
  description = "The container's sshd: user, host, port, and the paths of key and pinned host key."
  value       = module.host.ssh
}

output "docker_host" {
  description = "Docker on the VPS, as DOCKER_HOST."
  value       = module.host.docker_host
}

output "node" {
  description = "What the application's configuration, ../../app, is told of the host."
  value       = module.host.node
}
