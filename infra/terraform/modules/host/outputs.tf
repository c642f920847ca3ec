locals {
  host   = terraform_data.facts.output.host
  docker = terraform_data.facts.output.docker
}

output "name" {
  description = "The host's name."
  value       = local.host.name
}

output "id" {
  description = "The host's id; it never changes."
  value       = local.host.id
}

output "instance_id" {
  description = "The provider's id of the VPS."
  value       = local.host.instance_id
}

output "address" {
  description = "The VPS's IP address."
  value       = local.host.address
}

output "ssh" {
  description = "The container's sshd: user, host, port, identity_file, known_hosts_file, and known_hosts, the pinned keys as lines."
  value       = local.host.container_ssh
}

output "vps_ssh" {
  description = "The VPS's sshd, in the same form; root logs in there."
  value       = local.host.vps_ssh
}

output "docker_host" {
  description = "Docker on the VPS, for DOCKER_HOST and Terraform's Docker provider."
  value       = local.docker.docker_host
}

output "docker_ssh_opts" {
  description = "What `ssh` is to be told for it: the key, and the pinned host key."
  value       = local.docker.docker_ssh_opts
}

output "docker_cert_path" {
  description = "A directory with ca.pem, cert.pem and key.pem for a Docker endpoint with TLS; null where there is none."
  value       = local.docker.docker_cert_path
}

output "node" {
  description = "All of it that the module docker_node takes, by the names of its variables."
  value       = local.docker
}
