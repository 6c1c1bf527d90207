"""Cityscapes train ids and the colours they are usually drawn in."""

from enum import IntEnum


class Label(IntEnum):
    """Cityscapes train ids; ``VOID`` marks pixels without a defined class.

    >>> int(Label.SKY), int(Label.BICYCLE), int(Label.VOID)
    (10, 18, 255)
    """

    ROAD = 0
    SIDEWALK = 1
    BUILDING = 2
    WALL = 3
    FENCE = 4
    POLE = 5
    TRAFFIC_LIGHT = 6
    TRAFFIC_SIGN = 7
    VEGETATION = 8
    TERRAIN = 9
    SKY = 10
    PERSON = 11
    RIDER = 12
    CAR = 13
    TRUCK = 14
    BUS = 15
    TRAIN = 16
    MOTORCYCLE = 17
    BICYCLE = 18
    VOID = 255
