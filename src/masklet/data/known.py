"""The datasets that have a name: what each is, where it comes from, and how it lies on a disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

Layout: TypeAlias = Literal[
    "davis-2016",
    "davis-2017",
    "youtube-vos",
    "mose",
    "lvos",
    "sav",
    "folder",
    "sa-1b",
    "coco",
    "picture-folder",
    "picture-pack",
    "video-pack",
    "cutout-pack",
    "background-pack",
]
"""The ways in which files and folders can lie. Backgrounds are none of a dataset: they have no masks,
and serve a pack of cut-outs."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A dataset that has a name."""

    name: str
    """What it is opened by, and what its folder is called."""
    title: str
    kind: Literal["videos", "pictures", "either"]
    layouts: tuple[Layout, ...]
    """The layout in which it comes; several where the name stands for a kind of file."""
    splits: tuple[str, ...]
    """Its parts; the first one is opened where none is said. Empty where there are none."""
    home: str
    """Its official page, where it is to be had; empty where the data are the user's own."""
    licence: str
    citation: str
    tree: str
    """What its folder holds, one path on a line."""

    @property
    def is_own(self) -> bool:
        """Whether it stands for data of the user's own, which are opened by their path."""
        return not self.home


_DAVIS_2016 = Entry(
    name="davis-2016",
    title="DAVIS 2016, one object",
    kind="videos",
    layouts=("davis-2016",),
    splits=("val", "train"),
    home="https://davischallenge.org",
    licence="BSD, as its archive says",
    citation="Perazzi et al., CVPR 2016",
    tree="""\
JPEGImages/480p/blackswan/00000.jpg
Annotations/480p/blackswan/00000.png
ImageSets/480p/{train,val}.txt, or ImageSets/2016/{train,val}.txt of DAVIS 2017""",
)

_DAVIS_2017 = Entry(
    name="davis-2017",
    title="DAVIS 2017, several objects",
    kind="videos",
    layouts=("davis-2017",),
    splits=("val", "train", "test-dev", "test-challenge"),
    home="https://davischallenge.org",
    licence="see its home page",
    citation="Pont-Tuset et al., arXiv 1704.00675, 2017",
    tree="""\
JPEGImages/480p/blackswan/00000.jpg, or Full-Resolution in place of 480p
Annotations/480p/blackswan/00000.png
ImageSets/2017/{train,val,test-dev}.txt""",
)

_YOUTUBE_TREE = """\
{train,valid,test}/JPEGImages/<video>/00000.jpg
{train,valid,test}/Annotations/<video>/00000.png
{train,valid,test}/meta.json"""

_YOUTUBE_VOS_2018 = Entry(
    name="youtube-vos-2018",
    title="YouTube-VOS 2018, seen and unseen categories",
    kind="videos",
    layouts=("youtube-vos",),
    splits=("valid", "train", "test"),
    home="https://youtube-vos.org/dataset/vos",
    licence="annotations CC BY 4.0, videos for research only",
    citation="Xu et al., arXiv 1809.03327, 2018",
    tree=_YOUTUBE_TREE,
)

_YOUTUBE_VOS_2019 = Entry(
    name="youtube-vos-2019",
    title="YouTube-VOS 2019, seen and unseen categories",
    kind="videos",
    layouts=("youtube-vos",),
    splits=("valid", "train", "test"),
    home="https://youtube-vos.org/dataset/vos",
    licence="annotations CC BY 4.0, videos for research only",
    citation="Xu et al., arXiv 1809.03327, 2018",
    tree=_YOUTUBE_TREE,
)

_MOSE_TREE = """\
{train,valid}/JPEGImages/<video>/00000.jpg
{train,valid}/Annotations/<video>/00000.png"""

_MOSE_V1 = Entry(
    name="mose-v1",
    title="MOSE, complex scenes",
    kind="videos",
    layouts=("mose",),
    splits=("valid", "train"),
    home="https://henghuiding.github.io/MOSE/",
    licence="CC BY-NC-SA 4.0, for research only",
    citation="Ding et al., ICCV 2023",
    tree=_MOSE_TREE,
)

_MOSE_V2 = Entry(
    name="mose-v2",
    title="MOSEv2, more complex scenes",
    kind="videos",
    layouts=("mose",),
    splits=("valid", "train"),
    home="https://mose.video",
    licence="for research only, see its home page",
    citation="Ding et al., arXiv 2508.05630, 2025",
    tree=_MOSE_TREE,
)

_LVOS_TREE = """\
{train,val,test}/JPEGImages/<video>/00000001.jpg
{train,val,test}/Annotations/<video>/00000001.png
{train,val,test}/{train,val,test}_meta.json, a download of its own"""

_LVOS_V1 = Entry(
    name="lvos-v1",
    title="LVOS v1, videos of minutes",
    kind="videos",
    layouts=("lvos",),
    splits=("val", "train", "test"),
    home="https://lingyihongfd.github.io/lvos.github.io/",
    licence="annotations CC BY 4.0, videos for research only",
    citation="Hong et al., ICCV 2023",
    tree=_LVOS_TREE,
)

_LVOS_V2 = Entry(
    name="lvos-v2",
    title="LVOS v2, more videos of minutes",
    kind="videos",
    layouts=("lvos",),
    splits=("val", "train", "test"),
    home="https://lingyihongfd.github.io/lvos.github.io/",
    licence="annotations CC BY 4.0, videos for research only",
    citation="Hong et al., arXiv 2404.19326, 2024",
    tree=_LVOS_TREE,
)

_SA_V = Entry(
    name="sa-v",
    title="SA-V, the videos of SAM 2",
    kind="videos",
    layouts=("sav",),
    splits=("val", "test", "train", "train-auto"),
    home="https://ai.meta.com/datasets/segment-anything-video/",
    licence="CC BY 4.0",
    citation="Ravi et al., arXiv 2408.00714, 2024",
    tree="""\
{sav_val,sav_test}/JPEGImages_24fps/sav_000001/00000.jpg
{sav_val,sav_test}/Annotations_6fps/sav_000001/000/00000.png
sav_val/sav_val.txt, sav_test/sav_test.txt
sav_train/sav_000/sav_000001.mp4, or without the folder sav_000
sav_train/sav_000/sav_000001_manual.json, and _auto.json for the split train-auto""",
)

_SA_1B = Entry(
    name="sa-1b",
    title="SA-1B, the pictures of SAM",
    kind="pictures",
    layouts=("sa-1b",),
    splits=(),
    home="https://ai.meta.com/datasets/segment-anything/",
    licence="for research only, see its home page",
    citation="Kirillov et al., ICCV 2023",
    tree="sa_1.jpg\nsa_1.json",
)

_COCO_2017 = Entry(
    name="coco-2017",
    title="COCO 2017, instances of 80 categories",
    kind="pictures",
    layouts=("coco",),
    splits=("val", "train"),
    home="https://cocodataset.org",
    licence="annotations CC BY 4.0, photos by their authors on Flickr",
    citation="Lin et al., ECCV 2014",
    tree="""\
annotations/instances_{train,val}2017.json
{train,val}2017/000000000139.jpg""",
)

_LVIS_V1 = Entry(
    name="lvis-v1",
    title="LVIS v1, instances of 1203 categories",
    kind="pictures",
    layouts=("coco",),
    splits=("val", "train"),
    home="https://www.lvisdataset.org",
    licence="annotations CC BY 4.0, photos as those of COCO",
    citation="Gupta et al., CVPR 2019",
    tree="""\
annotations/lvis_v1_{train,val}.json
train2017/000000000009.jpg, the pictures of COCO 2017
val2017/000000000139.jpg""",
)

_FOLDER = Entry(
    name="folder",
    title="any folder that lies as DAVIS does",
    kind="videos",
    layouts=("folder",),
    splits=(),
    home="",
    licence="yours",
    citation="",
    tree="""\
JPEGImages/clip/00000.jpg, or with a folder such as 480p around the clips
Annotations/clip/00000.png, an index is an object, 255 is not judged
ImageSets/val.txt, if the clips are divided""",
)

_PICTURES = Entry(
    name="pictures",
    title="any folder of pictures and painted masks",
    kind="pictures",
    layouts=("picture-folder",),
    splits=(),
    home="",
    licence="yours",
    citation="",
    tree="""\
images/cat.jpg
masks/cat.png, a value is an object, 255 the only one or not judged
or masks/cat/tail.png, black and white, a file for every object""",
)

_PACK = Entry(
    name="pack",
    title="tar files of pictures, of clips or of cut-outs",
    kind="either",
    layouts=("picture-pack", "video-pack", "cutout-pack"),
    splits=(),
    home="",
    licence="yours",
    citation="",
    tree="""\
000000.jpg and 000000.json in a tar of pictures
clip/00000.jpg and clip/masks.json in a tar of clips
00000.png and 00000.json in a tar of cut-outs, and photo/sea.jpg in one of backgrounds""",
)

CATALOG: Mapping[str, Entry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            *(_DAVIS_2016, _DAVIS_2017, _YOUTUBE_VOS_2018, _YOUTUBE_VOS_2019),
            *(_MOSE_V1, _MOSE_V2, _LVOS_V1, _LVOS_V2, _SA_V),
            *(_SA_1B, _COCO_2017, _LVIS_V1, _FOLDER, _PICTURES, _PACK),
        )
    }
)
"""Every dataset that has a name, by it."""
