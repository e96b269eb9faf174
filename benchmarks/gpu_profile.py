"""What a GPU and its host spend on a training step: plain, the usual ECA and ours.

    python benchmarks/gpu_profile.py OUT.csv

``gpu_ms`` is the sum of the kernels' times by torch's profiler, ``host_ms`` the time
until all of them are launched, ``wall_ms`` until they are done. Where the host's is the
longest, a step is as slow as its launches.
"""

import argparse
import time
from pathlib import Path

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from eca_mm.analysis.workload import Settings, Workload
from eca_mm.analysis.workloads import backbone
from eca_mm.environment import commit, device_name, versions
from eca_mm.files import write_csv

CASES = {
    ('imagenet', 'tf32'): dict(
        norms='training', frozen_stages=-1, batch=64, size=(224, 224)
    ),
    ('detection', 'amp'): dict(batch=2, size=(1216, 800), amp=True),
}
PROVIDERS = ('plain', 'naive ECA', 'ours')
WARM_UP, TIMED, PROFILED = 4, 5, 3


def times(workload: Workload) -> dict:
    """Of one training step, ms."""
    for _ in range(WARM_UP):
        workload.training_step()
    torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(TIMED):
        workload.training_step()
    host = time.perf_counter() - begin
    torch.cuda.synchronize()
    wall = time.perf_counter() - begin
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
        for _ in range(PROFILED):
            workload.training_step()
        torch.cuda.synchronize()
    kernels = [e for e in found.key_averages() if e.device_type == DeviceType.CUDA]
    gpu = sum(event.self_device_time_total for event in kernels)
    return dict(
        wall_ms=round(1e3 * wall / TIMED, 2),
        host_ms=round(1e3 * host / TIMED, 2),
        gpu_ms=round(gpu / 1e3 / PROFILED, 2),
        kernels=sum(event.count for event in kernels) // PROFILED,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path)
    out = parser.parse_args().out
    torch.backends.cuda.matmul.allow_tf32 = True
    rows = []
    for (case, precision), options in CASES.items():
        for name in PROVIDERS:
            workload = backbone(name, Settings(device='cuda', **options))
            workload.train()
            about = dict(case=case, precision=precision, provider=name)
            rows.append(about | times(workload))
    device = dict(device=device_name('cuda'), **versions(('torch', 'triton')))
    write_csv(out, [row | device | dict(commit=commit()) for row in rows])


if __name__ == '__main__':
    main()
