# Faster R-CNN with ECA-ResNet-50 for a small data set of your own. It begins as a plain
# detector trained on COCO: each gate is 1 at first. Copy this file, change what is said
# below, and see docs/own_data.md. Not trained by us on real data.
_base_ = 'eca_mm::modern/faster_rcnn_r50.py'

data_root = 'data/pets/'  # these four as projects/own_data/convert.py prints them
train_images = 'images/'
val_images = 'images/'
classes = ('cat', 'dog')
batch_size = 2  # images a GPU; the learning rate goes with it
iterations = 2000  # max(1000, max(4000, 12 * training images) / images in a step)

load_from = 'https://download.openmmlab.com/mmdetection/v2.0/faster_rcnn/faster_rcnn_r50_fpn_1x_coco/faster_rcnn_r50_fpn_1x_coco_20200130-047c8118.pth'  # noqa: E501
model = dict(
    backbone=dict(type='ECAResNet', identity_init=True, init_cfg=None),
    roi_head=dict(bbox_head=dict(num_classes=len(classes))),
    # What lies on a difficult object (COCO's iscrowd) by more than half of itself is
    # no background, either; without this it is.
    train_cfg=dict(
        rpn=dict(assigner=dict(ignore_iof_thr=0.5)),
        rcnn=dict(assigner=dict(ignore_iof_thr=0.5)),
    ),
)

# Without flips where a mirrored object is another one, as a letter is.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='RandomChoiceResize',
        scales=[(1333, side) for side in (640, 672, 704, 736, 768, 800)],
        keep_ratio=True,
    ),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
data = dict(data_root=data_root, metainfo=dict(classes=classes))
train_dataloader = dict(
    batch_size=batch_size,
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(
        **data,
        ann_file='train.json',
        data_prefix=dict(img=train_images),
        # Images without objects are examples, too.
        filter_cfg=dict(filter_empty_gt=False),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        **data,
        ann_file='val.json',
        data_prefix=dict(img=val_images),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'val.json')
test_evaluator = val_evaluator

# Counted in iterations: epochs of few images are over before the warm-up is.
train_cfg = dict(
    _delete_=True,
    type='IterBasedTrainLoop',
    max_iters=iterations,
    val_interval=max(1, iterations // 10),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.001,
        by_epoch=False,
        begin=0,
        end=min(500, max(2, iterations // 10)),
    ),
    dict(  # where the paper's 12 epochs have it: after 8 and 11
        type='MultiStepLR',
        by_epoch=False,
        milestones=[iterations * 8 // 12, iterations * 11 // 12],
        gamma=0.1,
    ),
]
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(
        by_epoch=False, interval=max(1, iterations // 10), max_keep_ckpts=2
    ),
)
log_processor = dict(by_epoch=False)
