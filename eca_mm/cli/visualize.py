"""Show what the channel gates of a trained model have learned, on labelled images."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from torch import nn

from eca_mm.analysis import gate_figures as figures
from eca_mm.analysis import gates as analysis
from eca_mm.analysis.gate_files import write_data, write_figures
from eca_mm.analysis.labelled_images import LabelledImages, from_dataset, from_folder
from eca_mm.engine import (
    RequestError,
    build_detector,
    read_config,
    refuse_problems,
)
from eca_mm.engine.arguments import parsed
from eca_mm.engine.preflight.config_parts import innermost
from eca_mm.engine.weights import load_weights
from eca_mm.progress import track

from .visualize_request import SHOWN_CLASSES


def load_model(cfg: Config, checkpoint: str) -> nn.Module:
    """Build the model with the weights of ``checkpoint``."""
    model = build_detector(cfg)
    gated = analysis.gated_layers(model)
    if not gated:
        raise RequestError(f'{cfg.filename}: its model has no layer with channel gates')
    # The gates of a neck depend on both.
    needed = {f'{name.partition(".")[0]}.' for name in gated} | {'backbone.'}
    load_weights(model, checkpoint, needed)
    return model.eval()


def find_images(cfg: Config, args: Namespace) -> LabelledImages:
    """The images of ``--data``, or of the config's test set."""
    try:
        found = from_folder(Path(args.data)) if args.data else from_dataset(cfg)
    except (OSError, ValueError) as error:
        raise RequestError(f'images: {error}') from error
    for name in args.classes or ():
        if name not in found.classes:
            raise RequestError(
                f'--classes {name}: the images have {", ".join(found.classes)}'
            )
    return found.sample(args.num_images, args.seed)


@torch.no_grad()
def run(model: nn.Module, cfg: Config, infos: list[dict]) -> None:
    """Show the model each image, by the steps of the config's test pipeline."""
    dataset = innermost(cfg.test_dataloader.dataset)
    # The images of --data have no annotations, and the backbone needs none.
    kinds = ('LoadAnnotations', 'V1LoadAnnotations')
    steps = [step for step in dataset.pipeline if step['type'] not in kinds]
    pipeline = Compose(steps)
    for info in track(infos, 'images'):
        batch = model.data_preprocessor(pseudo_collate([pipeline(dict(info))]))
        model.extract_feat(batch['inputs'])


def shown_classes(images: LabelledImages, wanted: list[str] | None) -> dict[str, int]:
    """The classes to draw and their columns."""
    frequent = np.argsort(-images.members.sum(0), kind='stable')
    names = wanted or [
        images.classes[i]
        for i in frequent[:SHOWN_CLASSES]
        if images.members[:, i].any()
    ]
    return {name: images.classes.index(name) for name in names}


def main(args: Namespace) -> None:
    cfg = read_config(args.config, parsed(args.cfg_options))
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    cfg.load_from = args.checkpoint
    refuse_problems(cfg, splits=() if args.data else ('test',))
    device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    model = load_model(cfg, args.checkpoint).to(device)
    images = find_images(cfg, args)
    with analysis.GateRecorder(model) as recorder:
        run(model, cfg, images.infos)

    gates = recorder.gates
    means = {k: analysis.class_means(v, images.members) for k, v in gates.items()}
    separations = {k: analysis.separation(v, images.members) for k, v in gates.items()}
    classes = shown_classes(images, args.classes)
    drawn = dict(
        distribution=figures.draw_distribution(gates),
        classes=figures.draw_classes(means, classes),
        channels=figures.draw_channels(
            means, {k: v.mean(0) for k, v in gates.items()}, separations, classes
        ),
    )
    kernels = analysis.kernels(model)
    if kernels:
        drawn['kernels'] = figures.draw_kernels(kernels)

    folder = Path(args.out or Path('work_dirs') / Path(args.config).stem / 'attention')
    folder.mkdir(parents=True, exist_ok=True)
    write_data(folder, gates, separations, means, images.classes, kernels)
    write_figures(folder, drawn, analysis.chance_separation(images.members))
    print(f'{len(images.infos)} images, {len(gates)} layers: {folder}')
