"""The names of keys in compose-go's schema, as data.

From compose-spec/compose-go's ``schema/compose-spec.json`` as it was stored in 2026, with what came to it afterwards by
its own pull requests and by docker/compose: ``build.no_cache_filter`` (compose 5.0), ``pre_start`` (compose-go #885,
compose 5.3), and the layers ``container_spec`` and ``workload_spec`` with the top-level ``jobs`` (compose-go #866,
adopted by docker/compose #14093), of which the schema's text itself was not at hand: their names are those of the Go
types (``types/hooks.go``, ``types/jobs.go``) and of the pull requests' descriptions; those say which keys are a
workload's, and name only some of a service's own: that ``extends``, links and ``models`` are too is our reading.
"""

from __future__ import annotations

WORKLOAD = "build depends_on expose healthcheck ports stdin_open tty"
"""``workload_spec``: shared by services and jobs."""
SERVICE_ONLY = (
    "attach container_name deploy develop extends external_links links models post_start pre_start pre_stop profiles "
    "provider pull_refresh_after restart scale"
)
"""In the document of a service alone."""
CONTAINER = (
    "annotations blkio_config cap_add cap_drop cgroup cgroup_parent command configs cpu_count cpu_percent cpu_shares "
    "cpu_quota cpu_period cpu_rt_period cpu_rt_runtime cpus cpuset credential_spec device_cgroup_rules devices dns "
    "dns_opt dns_search domainname entrypoint env_file label_file environment extra_hosts gpus group_add hostname "
    "image init ipc isolation labels logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit "
    "network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform privileged pull_policy read_only "
    "runtime security_opt shm_size secrets sysctls stop_grace_period stop_signal storage_opt tmpfs ulimits "
    "use_api_socket user uts userns_mode volumes volumes_from working_dir"
)
"""``container_spec``: the rest of a service's keys, which a ``pre_start`` hook has as well."""

KEYS = {
    "": "version name include services models networks volumes secrets configs jobs",
    "services.*": f"{CONTAINER} {WORKLOAD} {SERVICE_ONLY}",
    "services.*.pre_start.[]": f"{CONTAINER} per_replica",
    "services.*.post_start.[]": "command user privileged working_dir environment",
    "services.*.pre_stop.[]": "command user privileged working_dir environment",
    "services.*.build": (
        "context dockerfile dockerfile_inline entitlements args ssh labels cache_from cache_to no_cache "
        "no_cache_filter additional_contexts network provenance sbom pull target shm_size extra_hosts isolation "
        "privileged secrets tags ulimits platforms"
    ),
    "services.*.blkio_config": (
        "device_read_bps device_read_iops device_write_bps device_write_iops weight weight_device"
    ),
    "services.*.blkio_config.device_read_bps.[]": "path rate",
    "services.*.blkio_config.weight_device.[]": "path weight",
    "services.*.configs.[]": "source target uid gid mode",
    "services.*.credential_spec": "config file registry",
    "services.*.depends_on.*": "restart required condition",
    "services.*.deploy": (
        "mode endpoint_mode replicas labels rollback_config update_config resources restart_policy placement"
    ),
    "services.*.deploy.rollback_config": "parallelism delay failure_action monitor max_failure_ratio order",
    "services.*.deploy.update_config": "parallelism delay failure_action monitor max_failure_ratio order",
    "services.*.deploy.resources": "limits reservations",
    "services.*.deploy.resources.limits": "cpus memory pids",
    "services.*.deploy.resources.reservations": "cpus memory generic_resources devices",
    "services.*.deploy.resources.reservations.generic_resources.[]": "discrete_resource_spec",
    "services.*.deploy.resources.reservations.generic_resources.[].discrete_resource_spec": "kind value",
    "services.*.deploy.resources.reservations.devices.[]": "capabilities count device_ids driver options",
    "services.*.deploy.restart_policy": "condition delay max_attempts window",
    "services.*.deploy.placement": "constraints preferences max_replicas_per_node",
    "services.*.deploy.placement.preferences.[]": "spread",
    "services.*.develop": "watch",
    "services.*.develop.watch.[]": "ignore include path action target exec initial_sync",
    "services.*.devices.[]": "source target permissions",
    "services.*.env_file.[]": "path format required",
    "services.*.extends": "service file",
    "services.*.gpus.[]": "capabilities count device_ids driver options",
    "services.*.healthcheck": "disable interval retries test timeout start_period start_interval",
    "services.*.logging": "driver options",
    "services.*.models.*": "endpoint_var model_var",
    "services.*.networks.*": (
        "aliases interface_name ipv4_address ipv6_address link_local_ips mac_address driver_opts priority gw_priority"
    ),
    "services.*.ports.[]": "name mode host_ip target published protocol app_protocol",
    "services.*.provider": "type options",
    "services.*.secrets.[]": "source target uid gid mode",
    "services.*.ulimits.*": "hard soft",
    "services.*.volumes.[]": "type source target read_only consistency bind volume tmpfs image",
    "services.*.volumes.[].bind": "propagation create_host_path recursive selinux",
    "services.*.volumes.[].volume": "labels nocopy subpath",
    "services.*.volumes.[].tmpfs": "size mode",
    "services.*.volumes.[].image": "subpath",
    "jobs.*": f"{CONTAINER} {WORKLOAD} profiles triggers",
    "jobs.*.triggers": "manual schedule",
    "jobs.*.triggers.schedule.[]": "cron timezone concurrency missed_fires",
    "include.[]": "path env_file project_directory",
    "networks.*": "name driver driver_opts ipam external internal enable_ipv4 enable_ipv6 attachable labels",
    "networks.*.ipam": "driver config options",
    "networks.*.ipam.config.[]": "subnet ip_range gateway aux_addresses",
    "networks.*.external": "name",
    "volumes.*": "name driver driver_opts external labels",
    "volumes.*.external": "name",
    "secrets.*": "name environment file external labels driver driver_opts template_driver",
    "configs.*": "name content environment file external labels template_driver",
    "models.*": "name model context_size runtime_flags",
}
"""Where an object stands → its keys."""
