locals {
  tls = var.docker_cert_path != null
}

resource "docker_image" "app" {
  name = var.app_image
  # Another client of the same Docker may run it too.
  keep_locally = true

  lifecycle {
    precondition {
      condition     = local.tls == startswith(var.docker_host, "tcp://")
      error_message = "tcp:// takes docker_cert_path, and ssh:// takes docker_ssh_opts: Docker without TLS is root on the VPS for everybody."
    }
  }
}

resource "docker_volume" "app" {
  for_each = toset(values(var.volumes))

  name = each.value
}

resource "docker_container" "app" {
  name    = var.container_name
  image   = docker_image.app.image_id
  command = var.command
  env     = [for name, value in var.env : "${name}=${value}"]
  restart = var.restart
  memory  = var.memory

  security_opts = ["no-new-privileges:true"]

  dynamic "ports" {
    for_each = var.ports

    content {
      internal = ports.value.internal
      external = ports.value.external
      protocol = ports.value.protocol
      ip       = ports.value.ip
    }
  }

  dynamic "volumes" {
    for_each = var.volumes

    content {
      container_path = volumes.key
      volume_name    = docker_volume.app[volumes.value].name
    }
  }

  dynamic "volumes" {
    for_each = var.secret_files

    content {
      container_path = volumes.key
      host_path      = volumes.value
      read_only      = true
    }
  }

  dynamic "labels" {
    for_each = var.labels

    content {
      label = labels.key
      value = labels.value
    }
  }
}
