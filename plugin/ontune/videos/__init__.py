"""Videos: what is in a file, the frames asked for with their exact times, and short videos that both hosts read."""

from ontune.videos.finding import find_videos
from ontune.videos.frame_lists import read_frame_lists, write_frame_lists
from ontune.videos.reading import SUFFIXES, BadVideo, Video, decode, open_video, picture
from ontune.videos.selection import Selection, differences, select
from ontune.videos.writing import write_short

__all__ = [
    "SUFFIXES",
    "BadVideo",
    "Selection",
    "Video",
    "decode",
    "differences",
    "find_videos",
    "open_video",
    "picture",
    "read_frame_lists",
    "select",
    "write_frame_lists",
    "write_short",
]
