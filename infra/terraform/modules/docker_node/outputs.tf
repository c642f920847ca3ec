output "container" {
  description = "The container: id, name, image, image_id, and the ports of the VPS that lead to it."
  value = {
    id       = docker_container.app.id
    name     = docker_container.app.name
    image    = docker_image.app.name
    image_id = docker_image.app.image_id
    ports    = var.ports
  }
}

output "networks" {
  description = "The networks that it is in, with its addresses there."
  value       = docker_container.app.network_data
}

output "host" {
  description = "The host that it runs on, as it was reached: name, address, docker_host, and by what (ssh or tls)."
  value = {
    name        = var.host_name
    address     = var.host_address
    docker_host = var.docker_host
    by          = local.tls ? "tls" : "ssh"
  }
}

output "urls" {
  description = "Where its TCP ports are, as ADDRESS:PORT; empty where the address is not known."
  value = var.host_address == null ? [] : [
    for port in var.ports : "${can(regex(":", var.host_address)) ? "[${var.host_address}]" : var.host_address}:${port.external}"
    if port.protocol == "tcp"
  ]
}
