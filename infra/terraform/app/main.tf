# An application on the host of a stack: apply that one first. The workspace is called like the stack (`terraform workspace new hetzner`), and its
# Docker is read from there; or, where Terraform's state is kept elsewhere, from what
# `vps-docker export tfvars NAME > host.auto.tfvars` writes here. So it is known at the time of the plan.

terraform {
  required_version = ">= 1.4.0"
}

variable "app_image" {
  description = "The Docker image that is pulled and run."
  type        = string
}

variable "env" {
  description = "Environment variables; nothing secret, for they are in Terraform's state."
  type        = map(string)
  default     = {}
}

variable "secret_files" {
  description = "Files on the VPS that the container may read, by their paths in it."
  type        = map(string)
  default     = {}
}

variable "ports" {
  description = "Ports of the VPS that lead to the container. They are to be among the host's app_ports."
  type = list(object({
    internal = number
    external = number
  }))
  default = []
}

variable "docker_host" {
  description = "Where Docker answers. Null: as the stack says that the workspace is called after."
  type        = string
  default     = null
}

variable "docker_ssh_opts" {
  description = "What `ssh` is told for it."
  type        = list(string)
  default     = []
}

variable "docker_cert_path" {
  description = "A directory with ca.pem, cert.pem and key.pem, for an endpoint with TLS."
  type        = string
  default     = null
}

variable "host_name" {
  description = "The host's name."
  type        = string
  default     = null
}

variable "host_address" {
  description = "The host's address."
  type        = string
  default     = null
}

data "terraform_remote_state" "host" {
  count = var.docker_host == null ? 1 : 0

  backend = "local"
  config = {
    path = "${path.module}/../stacks/${terraform.workspace}/terraform.tfstate"
  }
}

locals {
  node = var.docker_host == null ? data.terraform_remote_state.host[0].outputs.node : {
    docker_host      = var.docker_host
    docker_ssh_opts  = var.docker_ssh_opts
    docker_cert_path = var.docker_cert_path
    host_name        = var.host_name
    host_address     = var.host_address
  }
}

module "app" {
  source = "../modules/docker_node"

  docker_host      = local.node.docker_host
  docker_ssh_opts  = local.node.docker_ssh_opts
  docker_cert_path = local.node.docker_cert_path
  host_name        = local.node.host_name
  host_address     = local.node.host_address

  app_image    = var.app_image
  env          = var.env
  secret_files = var.secret_files
  ports        = var.ports
}

output "container" {
  description = "The container: id, name, image and ports."
  value       = module.app.container
}

output "host" {
  description = "The host that it runs on, as it was reached."
  value       = module.app.host
}

output "urls" {
  description = "Where its ports are."
  value       = module.app.urls
}
